import {
  clipShares,
  clippedSurrogate,
  detach,
  klDivergence,
  maskedMean,
  maskedShare,
  parseOptions,
  probabilityRatio,
  reductions,
} from "@papo/core";
import type { Minibatch, Plugin, Run } from "@papo/core";
import { less, minimum, mul, where } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** ε_low: the ratio may fall to 1 − ε_low before its gradient stops. */
  clipLow: z.number().positive().max(1).default(0.2),
  /** ε_high: the ratio may rise to 1 + ε_high. Larger than ε_low is clip-higher (DAPO, arXiv:2503.14476). */
  clipHigh: z.number().positive().default(0.2),
  /** c: with a negative advantage the loss is at most −c·A (dual clip, arXiv:1912.09729); null is off. */
  dualClip: z.number().gt(1).nullable().default(3),
  /** log r is held within ± this first; null leaves it. */
  logRatioClamp: z.number().positive().meta({ unit: "nats" }).nullable().default(20),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("sequence_mean"),
});

type Options = z.output<typeof schema>;

/** Name of the term: what weights and reports refer to. */
const TERM = "policy";

/**
 * loss ← loss + max(−r·A, −clip(r, 1 − ε_low, 1 + ε_high)·A), r = π_θ / π_old; where A < 0 at most −c·A
 * (PPO, arXiv:1707.06347; GRPO, arXiv:2402.03300). Weights of slot "before_clip" multiply A.
 *
 * Metrics: policy/clip_high and policy/clip_low, the shares of tokens whose gradient the clip stopped;
 * policy/clip_dual, those that the dual clip stopped; policy/ratio, the mean r; policy/approx_kl, the mean k3 estimate
 * of KL[π_old ‖ π_θ], whose samples these are.
 */
export class ClippedObjectivePlugin implements Plugin {
  readonly name = "ClippedObjectivePlugin";
  readonly options: Options;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    hooks.terms.tap(this.name, (terms, batch) => {
      const advantages = detach(mul<Tensor2D>(batch.advantages, batch.weights(TERM, "before_clip"))); // [B, T]
      const ratio = probabilityRatio(batch.logProbs, batch.oldLogProbs, this.options.logRatioClamp); // [B, T]
      this.#report(metric, batch, ratio, advantages);
      return [...terms, { name: TERM, value: this.#objective(ratio, advantages), reduction: this.options.reduction }];
    });
  }

  #objective(ratio: Tensor2D, advantages: Tensor2D): Tensor2D {
    const { dualClip } = this.options;
    const worse = clippedSurrogate(ratio, advantages, this.options);
    if (dualClip === null) return worse;
    return where<Tensor2D>(less(advantages, 0), minimum(worse, mul(advantages, -dualClip)), worse);
  }

  #report(metric: Run["metric"], batch: Minibatch, ratio: Tensor2D, advantages: Tensor2D): void {
    const { dualClip } = this.options;
    const shares = clipShares(ratio, advantages, batch.mask, this.options);
    const [r, a] = [ratio.dataSync(), advantages.dataSync()];
    metric("policy/clip_high", shares.high);
    metric("policy/clip_low", shares.low);
    metric(
      "policy/clip_dual",
      maskedShare(batch.mask, (at) => dualClip !== null && a[at]! < 0 && r[at]! > dualClip),
    );
    metric("policy/ratio", shares.ratio);
    metric("policy/approx_kl", maskedMean(klDivergence("k3", batch.oldLogProbs, batch.logProbs), batch.mask));
  }
}
