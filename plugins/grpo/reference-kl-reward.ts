import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** β, what a nat of divergence costs; 0 computes nothing. */
  coefficient: z.number().nonnegative().meta({ unit: "reward per nat" }).default(0.05),
  /** "sum" over the response's tokens (RLOO, PPO); "mean" over them. */
  over: z.enum(["sum", "mean"]).default("sum"),
});

/**
 * r ← r − β·Σ_t (log π_old − log π_ref): the reference KL in the reward instead of the loss, estimated by k1, whose sum
 * over a response is unbiased (arXiv:2402.14740, Eq. 2; TRL's and verl's KL in reward).
 *
 * Metric: reference/reward_kl, the mean over responses of what is multiplied with β.
 */
export class ReferenceKlRewardPlugin implements Plugin {
  readonly name = "ReferenceKlRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const beta = coefficient("reference/reward_beta", this.options.coefficient);
    const old = scores.request({ weights: "old", stage: "rewards", while: beta });
    const reference = scores.request({ weights: "reference", stage: "rewards", while: beta });
    hooks.rewards.tapPromise(this.name, (rewards, group) => {
      if (beta.value === 0) return Promise.resolve(rewards);
      const [ours, theirs] = [group.get(old), group.get(reference)];
      const shaped = rewards.map((reward, index) => {
        const total = ours[index]!.reduce((sum, value, token) => sum + value - theirs[index]![token]!, 0);
        const kl = this.options.over === "sum" ? total : total / Math.max(1, ours[index]!.length);
        metric("reference/reward_kl", kl);
        return reward - beta.value * kl;
      });
      return Promise.resolve(shaped);
    });
  }
}
