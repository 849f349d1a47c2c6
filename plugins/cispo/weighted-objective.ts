import { detach, maskedMean, maskedShare, parseOptions, probabilityRatio, reductions } from "@papo/core";
import type { Minibatch, Plugin, Run } from "@papo/core";
import { clipByValue, mul, neg } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** "verl": the ratio is held within [1 − ε_low, 1 + ε_high]; "trl": below maxRatio only. */
  form: z.enum(["verl", "trl"]).default("trl"),
  /** ε_low of "verl"; 1 leaves the ratio free below. */
  clipLow: z.number().min(0).max(1).default(1),
  /** ε_high of "verl". */
  clipHigh: z.number().positive().default(4),
  /** ε_max: the largest ratio of "trl", absolute (5 in ScaleRL, arXiv:2510.13786). */
  maxRatio: z.number().positive().default(5),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("token_mean"),
});

/**
 * loss ← loss − sg(clip(r))·A·log π_θ, r = π_θ / π_old: the importance weight is clipped and constant, so that no token
 * loses its gradient (CISPO, arXiv:2506.13585, Eq. 4). verl clips on both sides of 1, TRL above only and by an absolute
 * bound: "verl" with ε_low 1 and ε_high 4 is "trl" with 5. Weights of slot "before_clip" multiply A.
 *
 * Metrics: policy/clip_high and policy/clip_low, the shares of tokens whose weight was cut; policy/ratio, the mean r.
 */
export class WeightedObjectivePlugin implements Plugin {
  readonly name = "WeightedObjectivePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    hooks.terms.tap(this.name, (terms, batch) => {
      const advantages = mul<Tensor2D>(batch.advantages, batch.weights("policy", "before_clip"));
      const weight = detach(mul<Tensor2D>(this.#clippedRatio(batch, metric), advantages)); // [B, T]
      return [
        ...terms,
        { name: "policy", value: neg(mul<Tensor2D>(weight, batch.logProbs)), reduction: this.options.reduction },
      ];
    });
  }

  #clippedRatio({ logProbs, oldLogProbs, mask }: Minibatch, metric: Run["metric"]): Tensor2D {
    const { form, clipLow, clipHigh, maxRatio } = this.options;
    const [low, high] = form === "verl" ? [1 - clipLow, 1 + clipHigh] : [0, maxRatio];
    const ratio = probabilityRatio(logProbs, oldLogProbs, form === "verl" ? 20 : null);
    const r = ratio.dataSync();
    metric(
      "policy/clip_high",
      maskedShare(mask, (at) => r[at]! > high),
    );
    metric(
      "policy/clip_low",
      maskedShare(mask, (at) => r[at]! < low),
    );
    metric("policy/ratio", maskedMean(r, mask));
    return clipByValue(ratio, low, high);
  }
}
