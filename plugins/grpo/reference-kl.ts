import { USUAL_KL_CLAMPS, klDivergence, klEstimators, maskedMean, parseOptions, reductions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** β, the weight of the term; 0 computes nothing. */
  coefficient: z.number().nonnegative().default(0.01),
  /**
   * k1 = log π − log π_ref; k2 = k1²/2; k3 = e^(−k1) + k1 − 1, never negative; "k3_k2": k3's value with k2's gradient
   * (verl's k3+).
   */
  estimator: z.enum(klEstimators).default("k3"),
  /**
   * Hold the log-ratio within ±20 and the estimate within ±10: verl and the PAPO release do so for k3 alone, TRL for
   * none.
   */
  clamp: z.boolean().default(true),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("sequence_mean"),
});

/**
 * loss ← loss + β·KL[π_θ ‖ π_ref], estimated per token; π_ref are the weights at the run's start (GRPO,
 * arXiv:2402.03300).
 *
 * Metric: reference/kl, the mean estimate over tokens.
 */
export class ReferenceKlPlugin implements Plugin {
  readonly name = "ReferenceKlPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const { estimator, clamp, reduction } = this.options;
    const beta = coefficient("reference/beta", this.options.coefficient);
    const reference = scores.request({ weights: "reference", while: beta });
    const clamps = clamp ? USUAL_KL_CLAMPS : { logRatio: null, result: null };
    hooks.terms.tap(this.name, (terms, batch) => {
      if (beta.value === 0) return terms;
      const value = klDivergence(estimator, batch.logProbs, batch.get(reference), clamps); // [B, T]
      metric("reference/kl", maskedMean(value, batch.mask));
      return [...terms, { name: "reference/kl", coefficient: beta, reduction, value }];
    });
  }
}
