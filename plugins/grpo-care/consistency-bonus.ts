import { meanLikelihood, parseOptions, rewardPart, tokensBetween } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Bonus of a consistent response, in its accuracy. */
  bonus: z.number().nonnegative().default(0.5),
  /** The likelihood of an answer counts at most this. */
  cap: z.number().gt(0).max(1).meta({ unit: "probability" }).default(0.95),
  /** A response is consistent when its likelihood is at most this below the mean of the accurate ones. */
  margin: z.number().nonnegative().meta({ unit: "probability" }).default(0.01),
  /** Decay of the averaged weights that judge. */
  decay: z.number().min(0).lt(1).default(0.995),
  /** Steps from one move of those weights to the next. */
  every: z.int().positive().meta({ unit: "steps" }).default(10),
  /** The part of the reward that says whether a response is right (above 0.1). */
  accuracy: z.string().default("accuracy"),
  /** Where the answer begins in a response's text. */
  open: z.string().default("<answer>"),
  /** Where it ends. */
  close: z.string().default("</answer>"),
});

/** A response is accurate above this, and not below its group's mean. */
const ACCURATE = 0.1;

/**
 * r ← r + 0.5·accuracy for accurate responses whose answer the averaged policy finds likely after their own reasoning:
 * p_i = exp(mean log π_ema of the answer's tokens), at least the accurate ones' mean − 0.01 (GRPO-CARE,
 * arXiv:2506.16141, Sec. 4; release: grpo_trainer_ref_ema.py). No reference KL beside it. A response without an answer
 * between the marks has p = 0; in the release it has the cap.
 *
 * Metrics: care/likelihood, the mean p over responses; care/consistent, the share that gets the bonus.
 */
export class ConsistencyBonusPlugin implements Plugin {
  readonly name = "ConsistencyBonusPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, copies, metric }: Run): void {
    const { decay, every, cap, accuracy, open, close } = this.options;
    copies.register({ name: "ema", decay, every });
    const answer = scores.request({ weights: "ema", stage: "rewards", target: tokensBetween(open, close, "answer") });
    hooks.rewards.tapPromise(this.name, (rewards, group) => {
      const likelihoods = group.get(answer).map((logProbs) => Math.min(cap, meanLikelihood(logProbs)));
      const accuracies = group.samples.map((sample) => rewardPart(sample, accuracy));
      const consistent = this.consistent(accuracies, likelihoods);
      consistent.forEach((is, index) => {
        metric("care/likelihood", likelihoods[index]!);
        metric("care/consistent", Number(is));
      });
      return Promise.resolve(
        rewards.map((reward, index) => reward + (consistent[index] ? this.options.bonus * accuracies[index]! : 0)),
      );
    });
  }

  /** Which responses of a group are accurate and consistent. */
  consistent(accuracies: readonly number[], likelihoods: readonly number[]): boolean[] {
    const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
    const accurate = accuracies.map((value) => value > ACCURATE && value >= mean);
    const theirs = likelihoods.filter((_, index) => accurate[index]);
    const bar = theirs.reduce((sum, value) => sum + value, 0) / theirs.length - this.options.margin;
    return accurate.map((is, index) => is && likelihoods[index]! >= bar);
  }
}
