import { clipShares, clippedSurrogate, detach, maskedMean, parseOptions, reductions } from "@papo/core";
import type { Minibatch, Plugin, Run } from "@papo/core";
import { add, clipByValue, div, exp, maximum, mul, ones, sub, sum } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** ε_low: the sequence's ratio may fall to 1 − ε_low before its gradient stops. */
  clipLow: z.number().positive().max(1).default(3e-4),
  /** ε_high: it may rise to 1 + ε_high. */
  clipHigh: z.number().positive().default(4e-4),
  /**
   * "sequence": one ratio for all tokens (TRL); "token": its value with each token's own gradient (GSPO-token; verl).
   */
  form: z.enum(["sequence", "token"]).default("sequence"),
  /** How tokens are averaged. verl: "sequence_mean_nonempty". */
  reduction: z.enum(reductions).default("sequence_mean"),
});

/** Bound of the token form's log-ratio, as in verl. */
const LARGEST = 10;

/**
 * loss ← loss + max(−s·A, −clip(s, 1 − ε_low, 1 + ε_high)·A), s = exp(mean_t(log π_θ − log π_old)): the whole response
 * is clipped or not (GSPO, arXiv:2507.18071, Eq. 5; token form, Eq. 13: s_t = sg(s)·π_θ / sg(π_θ)). TRL has the
 * sequence form; verl the token form, its log-ratio at most 10. Weights of slot "before_clip" multiply A.
 *
 * Metrics: policy/clip_high and policy/clip_low, the shares of tokens in responses whose gradient the clip stopped;
 * policy/ratio, the mean s.
 */
export class SequenceObjectivePlugin implements Plugin {
  readonly name = "SequenceObjectivePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    hooks.terms.tap(this.name, (terms, batch) => {
      const advantages = detach(mul<Tensor2D>(batch.advantages, batch.weights("policy", "before_clip"))); // [B, T]
      const ratio = this.#ratio(batch); // [B, T]
      const shares = clipShares(ratio, advantages, batch.mask, this.options);
      metric("policy/clip_high", shares.high);
      metric("policy/clip_low", shares.low);
      metric("policy/ratio", maskedMean(ratio, batch.mask));
      return [
        ...terms,
        { name: "policy", value: clippedSurrogate(ratio, advantages, this.options), reduction: this.options.reduction },
      ];
    });
  }

  #ratio({ logProbs, oldLogProbs, mask, B, T }: Minibatch): Tensor2D {
    const lengths = maximum(sum(mask, 1, true), 1); // [B, 1]
    const mean = div<Tensor2D>(sum(mul(sub(logProbs, oldLogProbs), mask), 1, true), lengths); // [B, 1]
    if (this.options.form === "sequence") return mul(exp(mean), ones([B, T]));
    const own = add<Tensor2D>(sub(logProbs, detach(logProbs)), detach(mean));
    return exp(clipByValue(own, -Infinity, LARGEST));
  }
}
