import { parseOptions } from "@papo/core";
import type { Plugin } from "@papo/core";
import {
  ClippedObjectivePlugin,
  DynamicSamplingPlugin,
  GroupAdvantagePlugin,
  OverlongPenaltyPlugin,
} from "@papo/plugins";
import { z } from "zod";

const schema = z.strictObject({
  /** ε_low of the clip. */
  clipLow: z.number().default(0.2),
  /** ε_high of the clip: higher than ε_low. */
  clipHigh: z.number().default(0.28),
  /** Bound of the loss for negative advantages, in advantages; null is off. */
  dualClip: z.number().nullable().default(3),
  /** Which groups are trained on: what DynamicSamplingPlugin takes. */
  sampling: z
    .custom<ConstructorParameters<typeof DynamicSamplingPlugin>[0]>((value) => typeof value === "object", "an object")
    .default({}),
  /** Soft overlong punishment; null leaves the plugin out. */
  overlong: z
    .custom<ConstructorParameters<typeof OverlongPenaltyPlugin>[0]>((value) => typeof value === "object", "an object")
    .nullable()
    .default(null),
});

export type DapoOptions = z.input<typeof schema>;

/** Clip-higher, dynamic sampling, token mean, no reference KL: DAPO (arXiv:2503.14476). Rewards are yours to add. */
export function dapo(options: DapoOptions = {}): Plugin[] {
  const { clipLow, clipHigh, dualClip, sampling, overlong } = parseOptions("dapo", schema, options);
  return [
    ...(overlong === null ? [] : [new OverlongPenaltyPlugin(overlong)]),
    new DynamicSamplingPlugin(sampling),
    new GroupAdvantagePlugin(),
    new ClippedObjectivePlugin({ clipLow, clipHigh, dualClip, reduction: "token_mean" }),
  ];
}
