import { maskedMean, minMaxOfRows, parseOptions } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** λ: how much of the weights counts at the end; it rises linearly from 0 over the run. 0 computes nothing. */
  blend: z.number().min(0).max(1).default(1),
  /** Temperature of the softmax over a response's tokens. */
  temperature: z.number().positive().default(1),
  /** Share of the perception score in the sum of both; the rest is the entropy's. */
  perception: z.number().min(0).max(1).default(0.5),
});

/**
 * A_t ← A_t·((1 − λ) + λ·T·softmax_t(s / τ)), s = share·minmax(cos) + (1 − share)·minmax(H): tokens that look at the
 * picture and tokens that explore weigh more; λ rises from 0 (PEPO, arXiv:2603.22847, as summarised there: softmax
 * weights from hidden cosine and entropy, blended in; its code was not read). No pass of its own. List it after the
 * plugin of the advantages.
 *
 * Metrics: pepo/similarity and pepo/entropy, means over tokens; pepo/weight_spread, the mean |weight − 1|.
 */
export class PerceptionExplorationPlugin implements Plugin {
  readonly name = "PerceptionExplorationPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const blend = coefficient("pepo/blend", this.options.blend);
    hooks.coefficient.tap(this.name, (value, { name, step, steps }) =>
      name === blend.name ? (value * step) / steps : value,
    );
    const similarity = scores.request({ weights: "old", output: "pictureSimilarity", while: blend });
    const entropy = scores.request({ weights: "old", output: "entropy", while: blend });
    hooks.advantages.tap(this.name, (advantages, batch) => {
      if (blend.value === 0) return advantages;
      const [cosine, H, mask] = [batch.get(similarity), batch.get(entropy), batch.mask].map(
        (array) => array.dataSync() as Float32Array,
      ) as [Float32Array, Float32Array, Float32Array];
      const weights = this.weights(cosine, H, mask, batch).map((weight, at) =>
        mask[at] === 0 ? 1 : 1 + blend.value * (weight - 1),
      );
      metric("pepo/similarity", maskedMean(cosine, mask));
      metric("pepo/entropy", maskedMean(H, mask));
      metric(
        "pepo/weight_spread",
        maskedMean(
          weights.map((weight) => Math.abs(weight - 1)),
          mask,
        ),
      );
      return mul<Tensor2D>(advantages, tensor2d(Float32Array.from(weights), [batch.B, batch.T]));
    });
  }

  /** T·softmax over each response's tokens, which average 1, [B · T]; 0 outside the mask. */
  weights(
    cosine: Float32Array,
    entropy: Float32Array,
    mask: Float32Array,
    shape: Pick<Batch, "B" | "T">,
  ): Float64Array {
    const { perception, temperature } = this.options;
    const [p, e] = [minMaxOfRows(cosine, mask, shape), minMaxOfRows(entropy, mask, shape)];
    const raw = p.map((value, at) =>
      mask[at] === 0 ? 0 : Math.exp((perception * value + (1 - perception) * e[at]!) / temperature),
    );
    for (let row = 0; row < shape.B; row++) {
      const own = raw.subarray(row * shape.T, (row + 1) * shape.T);
      const [sum, tokens] = [
        own.reduce((a, b) => a + b, 0),
        own.reduce((count, value) => count + Number(value !== 0), 0),
      ];
      own.forEach((value, t) => (own[t] = sum === 0 ? 0 : (value * tokens) / sum));
    }
    return raw;
  }
}
