import { overTokens, parseOptions, policyTokens, rewardPart } from "@papo/core";
import type { Group, Plugin, Run } from "@papo/core";
import { mul } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** Base of the factor 2 − base^(−Δ); 1.00001 is ×1.01 at Δ = 1,000. */
  base: z.number().gt(1).default(1.00001),
  /** The part of the reward that says whether a response is right. */
  metric: z.string().default("accuracy"),
  /** A response is right when that part is above this. */
  threshold: z.number().default(0.5),
});

/**
 * A ← A·(2 − 1.00001^(−Δ)) for a wrong response that is Δ > 0 tokens longer than the mean of its group's right ones;
 * off in a group without a right one: overthinking costs more (APO's STCR, arXiv:2506.21655; View-R1:
 * experience_maker.py). List it after the plugin of the advantages.
 *
 * Metric: apo/length_factor, the mean factor over responses; apo/overlong_wrong, the share of responses it changes.
 */
export class TrajectoryLengthPlugin implements Plugin {
  readonly name = "TrajectoryLengthPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    hooks.advantages.tap(this.name, (advantages, batch) => {
      const factors = new Map(batch.groups.flatMap((group) => this.#factors(group)));
      const perResponse = batch.samples.map((sample) => factors.get(sample) ?? 1);
      for (const factor of perResponse) {
        metric("apo/length_factor", factor);
        metric("apo/overlong_wrong", factor > 1 ? 1 : 0);
      }
      return mul<Tensor2D>(advantages, overTokens(perResponse, batch));
    });
  }

  #factors({ samples }: Group): [Group["samples"][number], number][] {
    const { base, metric, threshold } = this.options;
    const judged = samples.map((sample) => ({
      sample,
      right: rewardPart(sample, metric) > threshold,
      length: policyTokens(sample.response).length,
    }));
    const lengths = judged.filter(({ right }) => right).map(({ length }) => length);
    if (lengths.length === 0) return [];
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    return judged.map(({ sample, right, length }) => [
      sample,
      !right && length > mean ? 2 - base ** -(length - mean) : 1,
    ]);
  }
}
