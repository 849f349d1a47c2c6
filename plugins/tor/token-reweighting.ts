import { maskedShare, parseOptions, topOfRows } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The view without the picture. */
  view: z.string().default("blind"),
  /** Share of a response's tokens with the highest entropy: they reason. */
  reasoning: z.number().gt(0).max(1).default(0.3),
  /** Share with the largest change when the picture is gone: they perceive. */
  perception: z.number().gt(0).max(1).default(0.3),
  /** Weight of a token that perceives and does not reason. */
  perceptionWeight: z.number().nonnegative().default(0.5),
});

/**
 * The policy term of a token weighs 1 where its entropy is among the top 30 % of its response, 0.5 where |log π − log
 * π_blind| is, and 0 elsewhere (ToR, arXiv:2603.25077; its code was not read). The mean stays over all tokens. List
 * BlindViewPlugin({ by: "removed" }) for the view.
 *
 * Metrics: tor/reasoning, tor/perception, the shares of tokens of either kind; tor/both, of both.
 */
export class TokenReweightingPlugin implements Plugin {
  readonly name = "TokenReweightingPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, metric }: Run): void {
    const { view, reasoning, perception, perceptionWeight } = this.options;
    const blind = scores.request({
      view,
      weights: "old",
      hint: 'list new BlindViewPlugin({ by: "removed" }) in the recipe',
    });
    const entropy = scores.request({ weights: "old", output: "entropy" });
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) => {
      if (term !== "policy" || slot !== "after_clip") return weights;
      const mask = batch.mask.dataSync();
      const [old, without] = [batch.oldLogProbs.dataSync() as Float32Array, batch.get(blind).dataSync()];
      const thinks = topOfRows(batch.get(entropy).dataSync(), mask, batch, (tokens) => Math.ceil(tokens * reasoning));
      const sees = topOfRows(
        old.map((value, at) => Math.abs(value - without[at]!)),
        mask,
        batch,
        (tokens) => Math.ceil(tokens * perception),
      );
      metric(
        "tor/reasoning",
        maskedShare(mask, (at) => thinks[at] === 1),
      );
      metric(
        "tor/perception",
        maskedShare(mask, (at) => sees[at] === 1),
      );
      metric(
        "tor/both",
        maskedShare(mask, (at) => thinks[at] === 1 && sees[at] === 1),
      );
      return mul<Tensor2D>(
        weights,
        tensor2d(
          thinks.map((value, at) => Math.max(value, perceptionWeight * sees[at]!)),
          [batch.B, batch.T],
        ),
      );
    });
  }
}
