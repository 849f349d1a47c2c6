import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** The view that some responses are sampled from. */
  view: z.string().default("noisy"),
  /** Share of each group that is. */
  share: z.number().gt(0).lt(1).default(0.5),
});

/**
 * Part of each group is sampled from the noisy picture and all of it is trained on the clean one: one baseline, one set
 * of log-probs, more diverse rollouts (NoisyRollout, arXiv:2504.13055, Alg. 1; release: ray_trainer.py, 6 + 6). List
 * DiffusionNoisePlugin for the view.
 *
 * Metrics: noisy/reward_clean and noisy/reward_noisy, the mean rewards of either part.
 */
export class NoisyRolloutPlugin implements Plugin {
  readonly name = "NoisyRolloutPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    const { view, share } = this.options;
    hooks.rollout.tap(this.name, (plan) => ({
      ...plan,
      shares: plan.shares.flatMap((asked) => {
        if (asked.view !== "original") return [asked];
        const noisy = Math.round(asked.count * share);
        if (noisy === 0 || noisy === asked.count)
          throw new Error(
            `${share} of ${asked.count} responses is ${noisy}: both views need one at least; raise samplesPerPrompt`,
          );
        return [
          { ...asked, count: asked.count - noisy },
          { view, count: noisy },
        ];
      }),
    }));
    hooks.rewards.tapPromise(this.name, (rewards, group) => {
      group.samples.forEach(({ response }, index) =>
        metric(response.view === view ? "noisy/reward_noisy" : "noisy/reward_clean", rewards[index]!),
      );
      return Promise.resolve(rewards);
    });
  }
}
