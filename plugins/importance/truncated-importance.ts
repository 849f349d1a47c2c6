import { maskedMean, maskedShare, overTokens, padded, parseOptions } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** C: the largest weight. */
  cap: z.number().positive().default(2),
  /** "truncate": a larger weight becomes C; "drop": it becomes 0. */
  beyond: z.enum(["truncate", "drop"]).default("truncate"),
  /** "token": each token's own ratio; "sequence": the product over the response, for all its tokens. */
  level: z.enum(["token", "sequence"]).default("token"),
  /**
   * "behaviour": the distribution that was sampled from, after bans, top-k and top-p; "sampler": the sampler's full
   * softmax, which differs from the learner's by rounding alone (the setting `oldLogProbs` must be "learner").
   */
  against: z.enum(["behaviour", "sampler"]).default("behaviour"),
});

/**
 * The term "policy" of a token is weighted with w = min(π_old / π_behaviour, C), constant: a correction for sampling
 * from another distribution than the learner's (truncated importance sampling, arXiv:2509.18824; verl's rollout
 * correction, TRL's vllm_importance_sampling).
 *
 * Metrics: importance/weight, the mean w over tokens; importance/capped, the share of tokens beyond C.
 */
export class TruncatedImportancePlugin implements Plugin {
  readonly name = "TruncatedImportancePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    const { cap, beyond } = this.options;
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) => {
      if (term !== "policy" || slot !== "after_clip") return weights;
      const ratios = this.#ratios(batch); // [B · T]
      const own = ratios.map((ratio) => (ratio <= cap ? ratio : beyond === "truncate" ? cap : 0));
      metric("importance/weight", maskedMean(own, batch.mask));
      metric(
        "importance/capped",
        maskedShare(batch.mask, (at) => ratios[at]! > cap),
      );
      return mul<Tensor2D>(weights, tensor2d(own, [batch.B, batch.T]));
    });
  }

  #ratios(batch: Batch): Float32Array {
    const { samples, T, B } = batch;
    const behaviour = padded(
      samples.map(({ response }) =>
        this.options.against === "behaviour" ? response.behaviourLogProbs : response.logProbs,
      ),
      T,
    );
    const [old, mask] = [batch.oldLogProbs.dataSync(), batch.mask.dataSync()];
    const logRatios = behaviour.map((value, at) => (mask[at] === 0 ? 0 : old[at]! - value));
    if (this.options.level === "token") return logRatios.map(Math.exp);
    const sums = Array.from({ length: B }, (_, row) =>
      logRatios.subarray(row * T, (row + 1) * T).reduce((sum, value) => sum + value, 0),
    );
    return overTokens(sums.map(Math.exp), batch).dataSync() as Float32Array;
  }
}
