import { parseOptions, rewardPart } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Parts of the reward that must all be above the threshold. */
  parts: z.array(z.string()).min(1).default(["accuracy", "format"]),
  /** What each part must exceed. */
  threshold: z.number().meta({ unit: "reward" }).default(0.5),
  /** Reward of a response that has them all; others get 0. */
  value: z.number().positive().meta({ unit: "reward" }).default(1),
});

/**
 * r = 1 when every named part holds, else 0: a right answer in the wrong form earns nothing (Vision-R1's hard format
 * reward, arXiv:2503.06749, Sec. 3.3). It replaces the weighted sum of the parts.
 *
 * Metric: reward/all, the share of responses that have all.
 */
export class AllOrNothingPlugin implements Plugin {
  readonly name = "AllOrNothingPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    const { parts: wanted, threshold, value } = this.options;
    hooks.rewards.tapPromise(this.name, (_rewards, { samples }) => {
      const shaped = samples.map((sample) =>
        wanted.map((name) => rewardPart(sample, name)).every((part) => part > threshold) ? value : 0,
      );
      for (const reward of shaped) metric("reward/all", reward / value);
      return Promise.resolve(shaped);
    });
  }
}
