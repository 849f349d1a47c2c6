import { maskedMean, parseOptions, reductions, sampledEntropy } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { mul, sign } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";
import { pictureRows } from "./picture-rows.ts";

const schema = z.strictObject({
  /** η₁, the weight of the original policy's entropy. */
  original: z.number().nonnegative().default(0.03),
  /** η₂, the weight of the masked policy's entropy; 0 computes nothing. */
  masked: z.number().nonnegative().default(0.03),
  /** The view of the masked policy. */
  view: z.string().default("masked"),
  /**
   * "official": masked side constant and from the old weights, so without effect on the gradient; "paper": current
   * weights, with gradient.
   */
  mode: z.enum(["official", "paper"]).default("official"),
  /**
   * Share of each prompt's responses that is scored under the view, see PerceptionKlPlugin; the larger share of the two
   * holds.
   */
  share: z.number().gt(0).max(1).default(1),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("token_mean"),
});

/**
 * loss ← loss + η₁·H[π] + η₂·H[π_mask], H = −log π of the sampled tokens: both entropies are penalised, to keep the
 * perception term from collapse (PAPO, arXiv:2507.06448, double entropy loss; release: dp_actor.py). Under a schedule
 * of γ the release scales both with it: see PerceptionSchedulePlugin.
 *
 * Metrics: papo/entropy and papo/entropy_masked, means over tokens; the latter over responses to prompts with pictures,
 * as text-only ones have no masked policy and give 0.
 */
export class DoubleEntropyPlugin implements Plugin {
  readonly name = "DoubleEntropyPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const { original, masked, view, mode, reduction, share } = this.options;
    const [eta1, eta2] = [coefficient("papo/eta_original", original), coefficient("papo/eta_masked", masked)];
    const paper = mode === "paper";
    const hint = "list RandomMaskPlugin in the recipe";
    const maskedScore = scores.request({
      view,
      weights: paper ? "current" : "old",
      gradient: paper,
      share,
      while: eta2,
      hint,
    });
    hooks.terms.tap(this.name, (terms, batch) => {
      const added = [];
      const entropy = sampledEntropy(batch.logProbs); // [B, T]
      metric("papo/entropy", maskedMean(entropy, batch.mask));
      if (eta1.value !== 0) added.push({ name: "papo/entropy", coefficient: eta1, reduction, value: entropy });
      if (eta2.value !== 0) {
        const rows = mul<Tensor2D>(pictureRows(batch), batch.scoredRows(maskedScore)); // [B, 1]
        const entropy = sampledEntropy(batch.get(maskedScore)); // [B, T]
        const value = mul<Tensor2D>(entropy, rows);
        metric("papo/entropy_masked", maskedMean(entropy, mul(batch.mask, sign(rows))));
        added.push({ name: "papo/entropy_masked", coefficient: eta2, reduction, value });
      }
      return [...terms, ...added];
    });
  }
}
