import {
  detach,
  klDivergence,
  maskedMean,
  maskedShare,
  overTokens,
  parseOptions,
  reductions,
  rowQuantile,
} from "@papo/core";
import type { KlEstimator, Minibatch, Plugin, Run } from "@papo/core";
import { clipByValue, mul, sign, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";
import { pictureRows } from "./picture-rows.ts";
import { sampleWeightings, sampleWeights } from "./sample-weights.ts";

const schema = z.strictObject({
  /** γ, the weight of the term; 0 computes nothing. Above 0.02 runs collapse. */
  coefficient: z.number().nonnegative().default(0.01),
  /** The view to move away from. */
  view: z.string().default("masked"),
  /**
   * "official": masked side constant and from the old weights, as the release; "paper": current weights, with gradient.
   */
  mode: z.enum(["official", "paper"]).default("official"),
  /**
   * "forward": k3 of KL[π ‖ π_mask]; "reverse": KL[π_mask ‖ π], its samples reweighted by ρ: ρ·log ρ − ρ + 1;
   * "swapped": k3 with its two sides exchanged, which is KL[π_mask ‖ π] on samples of π_mask and biased on those of π.
   */
  direction: z.enum(["forward", "reverse", "swapped"]).default("forward"),
  /** log(π_mask / π) is held within ± this; null leaves it. */
  logRatioClamp: z.number().positive().meta({ unit: "nats" }).nullable().default(20),
  /** The divergence of a token is at most this, and has no gradient there; null is no cap. */
  cap: z.number().positive().meta({ unit: "nats" }).nullable().default(10),
  /** Which responses count, by the part of the reward that `accuracy` names. */
  samples: z.enum(sampleWeightings).default("all"),
  /** The part of the reward that says whether a response is right. */
  accuracy: z.string().default("accuracy"),
  /**
   * Only the tokens of a response with the largest divergence, this share of them; the mean stays over all. null: all
   * tokens.
   */
  topTokens: z.number().gt(0).lt(1).meta({ unit: "share of tokens" }).nullable().default(null),
  /**
   * After weights and the choice of tokens a token's divergence is held within 0 and this (the release's
   * kl_prcp_clipping); null leaves it.
   */
  clip: z.number().positive().meta({ unit: "nats" }).nullable().default(null),
  /**
   * Share of each prompt's responses that is scored under the view, drawn anew in each step; these stand for the
   * others. Fewer passes, more noise; not in mode "paper".
   */
  share: z.number().gt(0).max(1).default(1),
  /** How tokens are averaged. The release: over tokens; the paper's Eq. 2: over sequences. */
  reduction: z.enum(reductions).default("token_mean"),
});

const ESTIMATORS: Readonly<Record<z.output<typeof schema>["direction"], KlEstimator>> = {
  forward: "k3",
  reverse: "k3_reverse",
  swapped: "k3_swapped",
};

/**
 * loss ← loss − γ·k3, k3 = ρ − log ρ − 1 with ρ = π(o|q, I_mask) / π(o|q, I): the policy is paid for depending on the
 * picture (PAPO, arXiv:2507.06448, Eq. 2; release: core_algos.py, dp_actor.py). Order, as in the release: cap, sample
 * weight, choice of tokens, clip, average. Responses to text-only prompts give 0, and count in the term's mean.
 *
 * Metrics, over responses to prompts with pictures: papo/perception_kl, the mean divergence over tokens;
 * papo/kl_variance, its variance; papo/masking_raises, the share of tokens that masking makes likelier, which the term
 * pushes down; papo/kl_saturated, the share at the cap.
 */
export class PerceptionKlPlugin implements Plugin {
  readonly name = "PerceptionKlPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const { view, mode, direction, logRatioClamp, cap, reduction, share } = this.options;
    const gamma = coefficient("papo/gamma", this.options.coefficient);
    const paper = mode === "paper";
    const [weights, hint] = [paper ? "current" : "old", "list RandomMaskPlugin in the recipe"] as const;
    const masked = scores.request({ view, weights, gradient: paper, share, while: gamma, hint });
    const clamps = { logRatio: logRatioClamp, result: cap };
    hooks.terms.tap(this.name, (terms, batch) => {
      if (gamma.value === 0) return terms;
      const divergence = klDivergence(ESTIMATORS[direction], batch.logProbs, batch.get(masked), clamps);
      const scored = batch.scoredRows(masked); // [B, 1]
      const rows = mul<Tensor2D>(pictureRows(batch), sign(scored));
      const ofPictures = mul<Tensor2D>(divergence, rows); // [B, T]
      this.#report(metric, batch, batch.get(masked), ofPictures, rows);
      const value = mul<Tensor2D>(this.#chosen(ofPictures, batch), scored);
      return [...terms, { name: "papo/perception_kl", coefficient: gamma, sign: -1, reduction, value }];
    });
  }

  /** Weight, choice of tokens, clip: what the average is taken of, [B, T]. */
  #chosen(divergence: Tensor2D, batch: Minibatch): Tensor2D {
    const { samples, accuracy, topTokens, clip } = this.options;
    const weigh = (): Tensor2D => overTokens(sampleWeights(batch, samples, accuracy), batch);
    let value = samples === "all" ? divergence : mul<Tensor2D>(divergence, weigh());
    if (topTokens !== null) {
      const [k, mask] = [detach(value).dataSync() as Float32Array, batch.mask.dataSync() as Float32Array];
      const thresholds = rowQuantile(k, mask, batch, 1 - topTokens);
      const kept = k.map((x, at) => Number(x >= thresholds[Math.floor(at / batch.T)]!));
      value = mul<Tensor2D>(value, tensor2d(kept, [batch.B, batch.T]));
    }
    return clip === null ? value : clipByValue(value, 0, clip);
  }

  #report(metric: Run["metric"], batch: Minibatch, masked: Tensor2D, value: Tensor2D, rows: Tensor2D): void {
    const { logProbs } = batch;
    const mask = mul(batch.mask, rows);
    const cap = this.options.cap ?? Number.POSITIVE_INFINITY;
    const [l, a, k] = [logProbs.dataSync(), masked.dataSync(), value.dataSync()];
    const mean = maskedMean(k, mask);
    const squares = k.map((x) => (x - mean) ** 2);
    const share = (of: (at: number) => boolean): number => maskedShare(mask, of);
    metric("papo/perception_kl", mean);
    metric("papo/kl_variance", maskedMean(squares, mask));
    metric(
      "papo/masking_raises",
      share((at) => k[at]! > 0 && a[at]! > l[at]!),
    );
    metric(
      "papo/kl_saturated",
      share((at) => k[at]! >= cap),
    );
  }
}
