import { maskedMean, parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /**
   * Measure at step 1 and every so many steps, those that RunLogPlugin logs by default; each costs a forward pass of
   * the learner, unless a plugin of the recipe asks for the same score.
   */
  every: z.int().positive().meta({ unit: "steps" }).default(10),
});

/**
 * Measures, without training on it, how undecided the policy is before each token: the entropy of its whole
 * distribution, which the page then colours tokens by. The metric rollout/entropy is an estimate from the sampled
 * tokens alone. Training is the same with and without the probe.
 *
 * Metric: observe/entropy, mean over tokens of H[π], by the weights that sampled, nats.
 */
export class EntropyProbePlugin implements Plugin {
  readonly name = "EntropyProbePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    const { every } = this.options;
    const active = run.coefficient("observe/entropy_probe", 1);
    const entropy = run.scores.request({ weights: "old", output: "entropy", while: active });
    run.hooks.coefficient.tap(this.name, (value, { name, step }) =>
      name === "observe/entropy_probe" && step % every !== 0 && step !== 1 ? 0 : value,
    );
    run.hooks.advantages.tap(this.name, (advantages, batch) => {
      if (active.value !== 0) run.metric("observe/entropy", maskedMean(batch.get(entropy), batch.mask));
      return advantages;
    });
  }
}
