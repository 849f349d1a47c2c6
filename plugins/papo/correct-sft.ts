import { maskedMean, overTokens, parseOptions, sampledEntropy } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { mul } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";
import { correctness } from "./sample-weights.ts";

const schema = z.strictObject({
  /** Weight of the term; 0 computes nothing. */
  coefficient: z.number().nonnegative().default(1e-3),
  /** The part of the reward that says whether a response is right (above 0.1). */
  accuracy: z.string().default("accuracy"),
});

/**
 * loss ← loss + c·mean(−log π_θ) over the tokens of correct responses: supervised training on one's own right answers
 * (the optional term of the PAPO release: dp_actor.py, use_sft_loss).
 *
 * Metric: sft/loss, the mean −log π_θ over the tokens of correct responses.
 */
export class CorrectSftPlugin implements Plugin {
  readonly name = "CorrectSftPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, coefficient, metric }: Run): void {
    const weight = coefficient("sft/coefficient", this.options.coefficient);
    hooks.terms.tap(this.name, (terms, batch) => {
      if (weight.value === 0) return terms;
      const correct = overTokens(correctness(batch, this.options.accuracy), batch); // [B, T]
      const kept = mul<Tensor2D>(batch.mask, correct);
      const share = maskedMean(correct, batch.mask);
      const loss = sampledEntropy(batch.logProbs);
      metric("sft/loss", maskedMean(loss, kept));
      // The mean over all tokens of what is scaled up is the mean over the correct ones'.
      const value = mul<Tensor2D>(loss, mul(correct, share === 0 ? 0 : 1 / share));
      return [...terms, { name: "sft", coefficient: weight, reduction: "token_mean", value }];
    });
  }
}
