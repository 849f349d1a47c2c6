import { parseOptions, reductions } from "@papo/core";
import type { Plugin } from "@papo/core";
import { CollapseDetectorPlugin, DoubleEntropyPlugin, PerceptionKlPlugin, RandomMaskPlugin } from "@papo/plugins";
import { z } from "zod";

const schema = z.strictObject({
  /** "official": what the release computes; "paper": what the paper writes, with gradient through the masked side. */
  mode: z.enum(["official", "paper"]).default("official"),
  /** γ, the weight of the perception term. */
  gamma: z.number().nonnegative().default(0.01),
  /** η of both entropies; 0 leaves the plugin out. */
  eta: z.number().nonnegative().default(0.03),
  /** Share of the picture that is black in the masked view. */
  maskRatio: z.number().min(0).max(1).default(0.6),
  /** Side of the black squares, in pixels of the picture as it was given. */
  maskPatch: z.int().positive().default(14),
  /** How tokens are averaged in the added terms; null: "token_mean" in official mode, "sequence_mean" (Eq. 2) in paper mode. */
  reduction: z.enum(reductions).nullable().default(null),
  /** What the mask lies on; see RandomMaskPlugin. */
  maskOn: z.enum(["raw", "patches", "merge"]).default("raw"),
});

export type PapoOptions = z.input<typeof schema>;

/**
 * Any base with a perception term: `papo(grpo())`, `papo(dapo())` (PAPO, arXiv:2507.06448). The defaults are those of PAPO-D; the
 * other published rows are presets.
 */
export function papo(base: readonly Plugin[], options: PapoOptions = {}): Plugin[] {
  const { mode, gamma, eta, maskRatio, maskPatch, maskOn, ...rest } = parseOptions("papo", schema, options);
  const reduction = rest.reduction ?? (mode === "paper" ? "sequence_mean" : "token_mean");
  return [
    ...base,
    new RandomMaskPlugin({ ratio: maskRatio, patch: maskPatch, on: maskOn }),
    new PerceptionKlPlugin({ coefficient: gamma, mode, reduction }),
    ...(eta > 0 ? [new DoubleEntropyPlugin({ original: eta, masked: eta, mode, reduction })] : []),
    new CollapseDetectorPlugin(),
  ];
}
