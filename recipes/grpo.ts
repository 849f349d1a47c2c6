import { parseOptions, reductions } from "@papo/core";
import type { Plugin } from "@papo/core";
import { ClippedObjectivePlugin, GroupAdvantagePlugin, ReferenceKlPlugin } from "@papo/plugins";
import { z } from "zod";

const schema = z.strictObject({
  /** ε_low of the clip. */
  clipLow: z.number().default(0.2),
  /** ε_high of the clip. */
  clipHigh: z.number().default(0.2),
  /** Bound of the loss for negative advantages, in advantages; null is off. */
  dualClip: z.number().nullable().default(3),
  /** β of the reference KL; 0 leaves the plugin out. */
  referenceKl: z.number().nonnegative().default(0.01),
  /** How tokens are averaged, in every term. */
  reduction: z.enum(reductions).default("sequence_mean"),
  /** Divide advantages by the group's standard deviation. */
  normalise: z.boolean().default(true),
});

export type GrpoOptions = z.input<typeof schema>;

/** Group advantages, a clipped objective, a KL to the start: GRPO (arXiv:2402.03300). Rewards are yours to add. */
export function grpo(options: GrpoOptions = {}): Plugin[] {
  const { clipLow, clipHigh, dualClip, referenceKl, reduction, normalise } = parseOptions("grpo", schema, options);
  return [
    new GroupAdvantagePlugin({ normalise }),
    new ClippedObjectivePlugin({ clipLow, clipHigh, dualClip, reduction }),
    ...(referenceKl > 0 ? [new ReferenceKlPlugin({ coefficient: referenceKl, reduction })] : []),
  ];
}
