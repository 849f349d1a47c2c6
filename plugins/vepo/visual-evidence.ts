import { maskedMean, parseOptions, topOfRows } from "@papo/core";
import type { Batch, Plugin, Run, ScoreHandle } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The view with a disturbed picture. */
  view: z.string().default("noisy"),
  /**
   * J: "exact", the Jensen–Shannon divergence of the full next-token distributions in bits, as in the paper; "sampled",
   * its estimate from the sampled token, ½·log₂(2/(1 + ρ)) + ½·ρ·log₂(2ρ/(1 + ρ)), ρ = π_view / π, at most 1.
   */
  form: z.enum(["exact", "sampled"]).default("sampled"),
  /** Exponent of the divergence's part; the entropy change has the rest. */
  divergence: z.number().min(0).max(1).default(0.7),
  /** Share of a response's tokens that get a policy gradient. */
  topTokens: z.number().gt(0).max(1).meta({ unit: "share of tokens" }).default(0.2),
});

/**
 * Only the 20 % of a response's tokens with the largest score (1 − (1 − J)^0.7·(1 − |ΔH|)^0.3)·H get a policy gradient,
 * and the loss is divided by their number: J is the divergence of the next-token distribution when the picture is
 * disturbed, ΔH the change of its entropy H, in units of the batch's largest (VEPO, arXiv:2606.03937; its release adds
 * noise twelve times over, which is not copied). The exact form needs a learner that gives divergences; the other is
 * for those that do not.
 *
 * Metrics: vepo/divergence, the mean J over tokens; vepo/score, the mean score of the chosen ones.
 */
export class VisualEvidencePlugin implements Plugin {
  readonly name = "VisualEvidencePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, metric }: Run): void {
    const { view, topTokens, form } = this.options;
    const exact = form === "exact";
    const hint = "list DiffusionNoisePlugin in the recipe";
    const [own, other] = [
      scores.request({ weights: "old", output: "entropy" }),
      scores.request({ view, weights: "old", output: "entropy", hint }),
    ];
    const disturbed = scores.request(
      exact ? { weights: "old", output: "jsd", against: { view }, hint } : { view, weights: "old", hint },
    );
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) => {
      if (term !== "policy" || slot !== "after_clip") return weights;
      const read = (handle: ScoreHandle): Float32Array => batch.get(handle).dataSync() as Float32Array;
      const mask = batch.mask.dataSync() as Float32Array;
      const old = batch.oldLogProbs.dataSync() as Float32Array;
      const divergence = read(disturbed).map((value, at) =>
        exact ? inBits(value) : sampledDivergence(Math.exp(value - old[at]!)),
      );
      const score = this.scores(divergence, read(own), read(other), mask);
      const chosen = topOfRows(score, mask, batch, (tokens) => Math.ceil(tokens * topTokens));
      metric("vepo/divergence", maskedMean(divergence, mask));
      metric("vepo/score", maskedMean(score, chosen));
      return mul<Tensor2D>(weights, overChosen(chosen, mask, batch));
    });
  }

  /** Of every token, [B · T]. */
  scores(divergence: Float32Array, entropy: Float32Array, disturbed: Float32Array, mask: Float32Array): Float32Array {
    const change = entropy.map((value, at) => (mask[at] === 0 ? 0 : Math.abs(value - disturbed[at]!)));
    const largest = change.reduce((a, b) => Math.max(a, b), 0) || 1;
    const { divergence: share } = this.options;
    return divergence.map(
      (J, at) => (1 - (1 - J) ** share * (1 - change[at]! / largest) ** (1 - share)) * entropy[at]!,
    );
  }
}

/** Rounding may take it out of [0, 1]. */
const inBits = (nats: number): number => Math.min(1, Math.max(0, nats / Math.LN2));

function sampledDivergence(ratio: number): number {
  const estimate =
    0.5 * Math.log2(2 / (1 + ratio)) + (ratio === 0 ? 0 : 0.5 * ratio * Math.log2((2 * ratio) / (1 + ratio)));
  return Math.min(1, Math.max(0, estimate));
}

/** Weights that turn a mean over all tokens into one over the chosen, [B, T]. */
function overChosen(chosen: Float32Array, mask: Float32Array, { B, T }: Batch): Tensor2D {
  const [tokens, kept] = [mask, chosen].map((array) => array.reduce((sum, value) => sum + value, 0)) as [
    number,
    number,
  ];
  return tensor2d(
    chosen.map((value) => (kept === 0 ? 0 : (value * tokens) / kept)),
    [B, T],
  );
}
