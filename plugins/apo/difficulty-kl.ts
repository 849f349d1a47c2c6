import { maskedMean, overTokens, parseOptions, rewardPart } from "@papo/core";
import type { Group, Plugin, Run } from "@papo/core";
import { mul } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** e: how fast the weight rises with the pass rate. Official: Euler's number. */
  steepness: z.number().positive().default(Math.E),
  /** The part of the reward that says whether a response is right. */
  metric: z.string().default("accuracy"),
  /** A response is right when that part is above this. */
  threshold: z.number().default(0.5),
  /** The pass rate of a group instead of counting its right responses: for tests and known difficulties. */
  passRate: z
    .custom<(group: string) => number>((value) => typeof value === "function", "a function of the prompt's key")
    .nullable()
    .default(null),
});

/**
 * The term "reference/kl" of a response with A > 0 is weighted with 1 − exp(−e·(1 − d)), d the share of its group that
 * is wrong: the harder a prompt, the freer a right answer may move; 1 where A ≤ 0 or d is 0 or 1 (APO's DADS,
 * arXiv:2506.21655; View-R1: ppo_actor.py).
 *
 * Metric: apo/kl_weight, the mean weight over tokens.
 */
export class DifficultyKlPlugin implements Plugin {
  readonly name = "DifficultyKlPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) => {
      if (term !== "reference/kl" || slot !== "after_clip") return weights;
      const rates = batch.groups.map((group) => this.#passRate(group));
      const advantages = batch.advantages.dataSync() as Float32Array;
      // One advantage per response; 0 on tokens outside the mask.
      const ofRow = (row: number): number =>
        advantages.subarray(row * batch.T, (row + 1) * batch.T).find((value) => value !== 0) ?? 0;
      const perResponse = batch.samples.map((_, row) => this.weight(ofRow(row), rates[batch.groupOf[row]!]!));
      const own = overTokens(perResponse, batch);
      metric("apo/kl_weight", maskedMean(own, batch.mask));
      return mul<Tensor2D>(weights, own);
    });
  }

  /** Of a response with this advantage in a group with this share of right responses. */
  weight(advantage: number, passRate: number): number {
    return advantage > 0 && passRate > 0 && passRate < 1 ? 1 - Math.exp(-this.options.steepness * passRate) : 1;
  }

  #passRate({ key, samples }: Group): number {
    const { metric, threshold, passRate } = this.options;
    if (passRate !== null) return passRate(key);
    return samples.filter((sample) => rewardPart(sample, metric) > threshold).length / samples.length;
  }
}
