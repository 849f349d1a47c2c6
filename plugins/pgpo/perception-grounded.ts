import { klDivergence, maskedMean, minMaxOfRows, parseOptions } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The view that does not see the picture. */
  view: z.string().default("blind"),
  /** τ: importance below it weighs a token down, above it up. */
  threshold: z.number().gt(0).lt(1).default(0.4),
});

/**
 * A_t is weighted by how much the token needs the picture: I = minmax(log(1 + S)) over the response, S = k3 against the
 * blind pass; weight I/τ below τ and 1 + 2·(I − τ)/(1 − τ) above, renormalised to sum to the response's length (PGPO,
 * arXiv:2604.01840; its code was not read). List BlindViewPlugin for the view, and this after the plugin of the
 * advantages.
 *
 * Metrics: pgpo/dependency, the mean S over tokens; pgpo/weight_spread, the mean |weight − 1|.
 */
export class PerceptionGroundedPlugin implements Plugin {
  readonly name = "PerceptionGroundedPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, metric }: Run): void {
    const blind = scores.request({
      view: this.options.view,
      weights: "old",
      hint: "list BlindViewPlugin in the recipe",
    });
    hooks.advantages.tap(this.name, (advantages, batch) => {
      const mask = batch.mask.dataSync() as Float32Array;
      const dependency = klDivergence("k3", batch.oldLogProbs, batch.get(blind)).dataSync() as Float32Array;
      const weights = this.weights(dependency, mask, batch);
      metric("pgpo/dependency", maskedMean(dependency, mask));
      metric(
        "pgpo/weight_spread",
        maskedMean(
          weights.map((weight) => Math.abs(weight - 1)),
          mask,
        ),
      );
      return mul<Tensor2D>(advantages, tensor2d(Float32Array.from(weights), [batch.B, batch.T]));
    });
  }

  /**
   * Of each token, 1 on average over a response (1 for all where none depends more than another), [B · T]; 0 outside
   * the mask.
   */
  weights(dependency: Float32Array, mask: Float32Array, shape: Pick<Batch, "B" | "T">): Float64Array {
    const { threshold: tau } = this.options;
    const importance = minMaxOfRows(dependency.map(Math.log1p), mask, shape);
    const raw = importance.map((I, at) => (mask[at] === 0 ? 0 : I < tau ? I / tau : 1 + (2 * (I - tau)) / (1 - tau)));
    for (let row = 0; row < shape.B; row++) {
      const span = [row * shape.T, (row + 1) * shape.T] as const;
      const [own, counted] = [raw.subarray(...span), mask.subarray(...span)];
      const [sum, tokens] = [own.reduce((a, b) => a + b, 0), counted.reduce((a, b) => a + b, 0)];
      own.forEach((value, t) => (own[t] = sum === 0 ? counted[t]! : (value * tokens) / sum));
    }
    return raw;
  }
}
