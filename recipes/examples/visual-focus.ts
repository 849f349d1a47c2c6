import { detach, maskedMean, parseOptions, type Plugin, type Run } from "@papo/core";
import { abs, greater, mul, sub, type Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** Nats by which hiding the picture must change a token's log-prob. */
  threshold: z.number().nonnegative().default(0.1),
});

/** Only tokens that depend on the picture get a policy gradient: those with |log π − log π_mask| > threshold. */
export class VisualFocusPlugin implements Plugin {
  readonly name = "VisualFocusPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, metric }: Run): void {
    const masked = scores.request({ view: "masked", weights: "old" });
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) => {
      if (term !== "policy" || slot !== "after_clip") return weights;
      const gap = abs(sub(detach(batch.logProbs), batch.get(masked))); // [B, T]
      const focus = greater(gap, this.options.threshold).toFloat() as Tensor2D;
      metric("visual_focus/share", maskedMean(focus, batch.mask));
      return mul(weights, focus) as Tensor2D;
    });
  }
}
