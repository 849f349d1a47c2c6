import { parseOptions, reductions } from "@papo/core";
import type { Plugin } from "@papo/core";
import {
  CollapseDetectorPlugin,
  CorrectSftPlugin,
  DoubleEntropyPlugin,
  PerceptionKlPlugin,
  PerceptionSchedulePlugin,
  RandomMaskPlugin,
  SemanticMaskPlugin,
} from "@papo/plugins";
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
  maskPatch: z.int().positive().meta({ unit: "pixels" }).default(14),
  /**
   * How tokens are averaged in the added terms; null: "token_mean" in official mode, "sequence_mean" (Eq. 2) in paper
   * mode.
   */
  reduction: z.enum(reductions).nullable().default(null),
  /**
   * What the mask lies on, see RandomMaskPlugin; "semantic": what the policy's own vision tower looks at most, see
   * SemanticMaskPlugin.
   */
  maskOn: z.enum(["raw", "patches", "merge", "semantic"]).default("raw"),
  /** What masked cells show; "drop" leaves visual tokens out instead, with maskOn: "merge". */
  maskFill: z.enum(["black", "mean", "noise", "blur", "drop"]).default("black"),
  /** One mask for all responses to a prompt, or one for each. */
  maskScope: z.enum(["prompt", "response"]).default("prompt"),
  /**
   * Share of each prompt's responses whose masked pass is computed; these stand for the others. Not where a gradient
   * goes through it.
   */
  maskedShare: z.number().gt(0).max(1).default(1),
  /** Which terms send a gradient through the masked pass; null: "none" in official mode, "both" in paper mode. */
  maskedGradient: z.enum(["none", "entropy", "kl", "both"]).nullable().default(null),
  /** More of PerceptionKlPlugin: direction, sample weights, choice of tokens, clip. */
  perception: z
    .custom<
      Omit<NonNullable<ConstructorParameters<typeof PerceptionKlPlugin>[0]>, "coefficient" | "mode" | "reduction">
    >((value) => typeof value === "object", "an object")
    .default({}),
  /** Annealing of γ: what PerceptionSchedulePlugin takes; null leaves γ fixed, as the published runs do. */
  schedule: z
    .custom<ConstructorParameters<typeof PerceptionSchedulePlugin>[0]>(
      (value) => typeof value === "object",
      "an object",
    )
    .nullable()
    .default(null),
  /** What the collapse detector does besides its alarm. */
  onCollapse: z.enum(["alarm", "cut", "roll_back", "stop"]).default("alarm"),
  /** Weight of the supervised term on correct responses; 0 leaves the plugin out. */
  sft: z.number().nonnegative().default(0),
});

export type PapoOptions = z.input<typeof schema>;

/**
 * Any base with a perception term: `papo(grpo())`, `papo(dapo())` (PAPO, arXiv:2507.06448). The defaults are those of
 * PAPO-D; the other published rows are presets.
 */
export function papo(base: readonly Plugin[], options: PapoOptions = {}): Plugin[] {
  const {
    mode,
    gamma,
    eta,
    maskRatio,
    maskPatch,
    maskOn,
    maskFill,
    maskScope,
    perception,
    maskedShare: share,
    schedule,
    sft,
    onCollapse,
    ...rest
  } = parseOptions("papo", schema, options);
  const reduction = rest.reduction ?? (mode === "paper" ? "sequence_mean" : "token_mean");
  const through = rest.maskedGradient ?? (mode === "paper" ? "both" : "none");
  const modeOf = (term: "entropy" | "kl"): typeof mode =>
    through === "both" || through === term ? "paper" : "official";
  return [
    ...base,
    maskPlugin({ maskOn, maskFill, maskRatio, maskPatch, maskScope }),
    new PerceptionKlPlugin({ ...perception, coefficient: gamma, mode: modeOf("kl"), reduction, share }),
    ...(eta > 0
      ? [new DoubleEntropyPlugin({ original: eta, masked: eta, mode: modeOf("entropy"), reduction, share })]
      : []),
    ...(schedule === null ? [] : [new PerceptionSchedulePlugin(schedule)]),
    ...(sft > 0 ? [new CorrectSftPlugin({ coefficient: sft })] : []),
    new CollapseDetectorPlugin({ action: onCollapse }),
  ];
}

type MaskOptions = Pick<z.output<typeof schema>, "maskOn" | "maskFill" | "maskRatio" | "maskPatch" | "maskScope">;

function maskPlugin({ maskOn, maskFill, maskRatio, maskPatch, maskScope }: MaskOptions): Plugin {
  if (maskOn !== "semantic")
    return new RandomMaskPlugin({ ratio: maskRatio, patch: maskPatch, on: maskOn, fill: maskFill, scope: maskScope });
  if (maskFill === "drop") throw new Error('papo: maskFill "drop" needs maskOn: "merge"; a semantic mask is painted');
  return new SemanticMaskPlugin({ source: "policy", ratio: maskRatio, fill: maskFill });
}
