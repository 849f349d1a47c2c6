import { klDivergence, maskedMean, minMax, overTokens, parseOptions, rowMeans, topOfRows } from "@papo/core";
import type { Batch, Plugin, Run, ScoreHandle } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /**
   * The view whose loss of the picture says what a token depends on. The release: one mask per response, p = 0.5, on
   * the resized grid.
   */
  view: z.string().default("masked"),
  /** Share of each response's tokens that get a policy gradient; 1 keeps all. */
  topTokens: z.number().gt(0).max(1).meta({ unit: "share of tokens" }).default(0.4),
  /** β_min: the factor of the advantage of the least dependent response; 1 leaves advantages alone. */
  lowest: z.number().gt(0).max(1).default(0.9),
});

/**
 * S_t = k3(π_mask, π_old) says how much a token depends on the picture. Only each response's ⌈0.4·T⌉ most dependent
 * tokens keep their policy gradient, the mean staying over all; and A_i ← A_i·(β_min + (β_max − β_min)·minmax(mean_t
 * S)), β_max so that factors average 1 (VPPO, arXiv:2510.09285, Eq. 5 to 8; release: dp_actor.py). The release takes
 * the extremes of a device's minibatch; here they are those of the step. List it after the plugin of the advantages.
 *
 * Metrics: vppo/dependency, the mean S over tokens; vppo/selected, its mean over the selected tokens;
 * vppo/largest_factor, the largest factor.
 */
export class VisualDependencyPlugin implements Plugin {
  readonly name = "VisualDependencyPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, metric }: Run): void {
    const masked = scores.request({
      view: this.options.view,
      weights: "old",
      hint: 'list new RandomMaskPlugin({ on: "patches", scope: "response", ratio: 0.5 }) in the recipe',
    });
    hooks.advantages.tap(this.name, (advantages, batch) => {
      const mask = batch.mask.dataSync();
      const dependency = dependencyOf(batch, masked);
      const factors = this.factors(rowMeans(dependency, mask, batch));
      metric("vppo/dependency", maskedMean(dependency, mask));
      metric(
        "vppo/largest_factor",
        factors.reduce((a, b) => Math.max(a, b), 0),
      );
      return mul<Tensor2D>(advantages, overTokens(factors, batch));
    });
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) => {
      if (term !== "policy" || slot !== "after_clip") return weights;
      const dependency = dependencyOf(batch, masked);
      const selected = topOfRows(dependency, batch.mask.dataSync(), batch, (tokens) =>
        Math.ceil(tokens * this.options.topTokens),
      );
      metric("vppo/selected", maskedMean(dependency, selected));
      return mul<Tensor2D>(weights, tensor2d(selected, [batch.B, batch.T]));
    });
  }

  /** Of responses with these mean dependencies, [B]; 1 for all where they are equal. */
  factors(means: ArrayLike<number>): Float64Array {
    const { lowest } = this.options;
    const normalised = minMax(means);
    const average = normalised.reduce((sum, value) => sum + value, 0) / Math.max(1, normalised.length);
    if (average === 0) return normalised.map(() => 1);
    return normalised.map((value) => lowest + ((1 - lowest) / average) * value);
  }
}

/** S, [B · T], held within 0 and 10. */
function dependencyOf(batch: Batch, masked: ScoreHandle): Float32Array {
  return klDivergence("k3", batch.oldLogProbs, batch.get(masked)).dataSync() as Float32Array;
}
