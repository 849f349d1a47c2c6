import { klDivergence, maskedMean, parseOptions, sampledEntropy } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The view to compare with. */
  view: z.string().default("masked"),
  /**
   * Measure every so many steps; each costs a forward pass of the learner, unless a plugin of the recipe asks for the
   * same score.
   */
  every: z.int().positive().meta({ unit: "steps" }).default(1),
});

/**
 * Measures, without training on it, how much the policy's words depend on the picture: for recipes that do not, beside
 * those that do. The view must be registered by a plugin of the recipe; training is the same with and without the
 * probe.
 *
 * Metrics, by the weights that sampled, over responses to prompts with pictures: observe/perception_kl, mean over
 * tokens of k3 of KL[π ‖ π_view] (PAPO, arXiv:2507.06448, section 3), nats; observe/masked_entropy, mean over tokens of
 * −log π_view(token), nats.
 */
export class PerceptionProbePlugin implements Plugin {
  readonly name = "PerceptionProbePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    const { hooks, scores } = run;
    const { view, every } = this.options;
    const active = run.coefficient("observe/probe", 1);
    const hint = "list a plugin that registers it, such as RandomMaskPlugin";
    const viewed = scores.request({ view, weights: "old", while: active, hint });
    hooks.coefficient.tap(this.name, (value, { name, step }) =>
      name === "observe/probe" && step % every !== 0 && step !== 1 ? 0 : value,
    );
    hooks.advantages.tap(this.name, (advantages, batch) => {
      if (active.value !== 0) {
        const other = batch.get(viewed);
        const pictures = tensor2d(
          batch.samples.map(({ prompt }) => Number(prompt.pictures.length > 0)),
          [batch.B, 1],
        );
        const mask = mul(batch.mask, pictures); // [B, T]
        run.metric("observe/perception_kl", maskedMean(klDivergence("k3", batch.oldLogProbs, other), mask));
        run.metric("observe/masked_entropy", maskedMean(sampledEntropy(other), mask));
      }
      return advantages;
    });
  }
}
