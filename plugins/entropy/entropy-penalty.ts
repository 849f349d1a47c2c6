import { maskedMean, parseOptions, reductions, sampledEntropy } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** η, the weight of the term; 0 computes nothing. */
  coefficient: z.number().nonnegative().default(0.03),
  /**
   * "sampled": −log π of the sampled token, as the PAPO release; "full": the entropy of the whole distribution, at the
   * cost of its gradient.
   */
  estimate: z.enum(["sampled", "full"]).default("sampled"),
  /** "minimise" makes the policy surer of itself (the penalty of the papers); "maximise" is the usual entropy bonus. */
  direction: z.enum(["minimise", "maximise"]).default("minimise"),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("token_mean"),
});

/**
 * loss ← loss + η·H[π_θ]: entropy is penalised (the baseline of PAPO, arXiv:2507.06448, and VPPO, arXiv:2510.09285,
 * which alone gains more there than a perception term).
 *
 * Metric: entropy/penalised, the mean estimate over tokens.
 */
export class EntropyPenaltyPlugin implements Plugin {
  readonly name = "EntropyPenaltyPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const { estimate, direction, reduction } = this.options;
    const eta = coefficient("entropy/eta", this.options.coefficient);
    const full =
      estimate === "full"
        ? scores.request({ weights: "current", output: "entropy", gradient: true, while: eta })
        : null;
    hooks.terms.tap(this.name, (terms, batch) => {
      if (eta.value === 0) return terms;
      const value = full === null ? sampledEntropy(batch.logProbs) : batch.get(full); // [B, T]
      metric("entropy/penalised", maskedMean(value, batch.mask));
      return [
        ...terms,
        { name: "entropy", coefficient: eta, sign: direction === "minimise" ? 1 : -1, reduction, value },
      ];
    });
  }
}
