import { klDivergence, maskedMean, maskedShare, parseOptions, reductions } from "@papo/core";
import type { Minibatch, Plugin, Run } from "@papo/core";
import { mul } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";
import { pictureRows } from "./picture-rows.ts";

const schema = z.strictObject({
  /** γ, the weight of the term; 0 computes nothing. Above 0.02 runs collapse. */
  coefficient: z.number().nonnegative().default(0.01),
  /** The view to move away from. */
  view: z.string().default("masked"),
  /** "official": masked side constant and from the old weights, as the release; "paper": current weights, with gradient. */
  mode: z.enum(["official", "paper"]).default("official"),
  /** log(π_mask / π) is held within ± this; null leaves it. */
  logRatioClamp: z.number().positive().nullable().default(20),
  /** The divergence of a token is at most this, and has no gradient there; null is no cap. */
  cap: z.number().positive().nullable().default(10),
  /** How tokens are averaged. The release: over tokens; the paper's Eq. 2: over sequences. */
  reduction: z.enum(reductions).default("token_mean"),
});

/**
 * loss ← loss − γ·k3, k3 = ρ − log ρ − 1 with ρ = π(o|q, I_mask) / π(o|q, I): the policy is paid for depending on the picture
 * (PAPO, arXiv:2507.06448, Eq. 2; release: core_algos.py). Responses to text-only prompts give 0, and count in the term's mean.
 *
 * Metrics, over responses to prompts with pictures: papo/perception_kl, the mean over tokens; papo/kl_variance, its variance; papo/masking_raises, the share of tokens that
 * masking makes likelier, which the term pushes down; papo/kl_saturated, the share at the cap.
 */
export class PerceptionKlPlugin implements Plugin {
  readonly name = "PerceptionKlPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const { view, mode, logRatioClamp, cap, reduction } = this.options;
    const gamma = coefficient("papo/gamma", this.options.coefficient);
    const paper = mode === "paper";
    const hint = "list RandomMaskPlugin in the recipe";
    const masked = scores.request({ view, weights: paper ? "current" : "old", gradient: paper, while: gamma, hint });
    hooks.terms.tap(this.name, (terms, batch) => {
      if (gamma.value === 0) return terms;
      const divergence = klDivergence("k3", batch.logProbs, batch.get(masked), { logRatio: logRatioClamp, result: cap });
      const value = mul<Tensor2D>(divergence, pictureRows(batch)); // [B, T]
      this.#report(metric, batch, batch.get(masked), value);
      return [...terms, { name: "papo/perception_kl", coefficient: gamma, sign: -1, reduction, value }];
    });
  }

  #report(metric: Run["metric"], batch: Minibatch, masked: Tensor2D, value: Tensor2D): void {
    const { logProbs } = batch;
    const mask = mul(batch.mask, pictureRows(batch));
    const cap = this.options.cap ?? Number.POSITIVE_INFINITY;
    const [l, a, k] = [logProbs.dataSync(), masked.dataSync(), value.dataSync()];
    const mean = maskedMean(k, mask);
    metric("papo/perception_kl", mean);
    metric("papo/kl_variance", maskedMean(k.map((x) => (x - mean) ** 2), mask));
    metric("papo/masking_raises", maskedShare(mask, (at) => k[at]! > 0 && a[at]! > l[at]!));
    metric("papo/kl_saturated", maskedShare(mask, (at) => k[at]! >= cap));
  }
}
