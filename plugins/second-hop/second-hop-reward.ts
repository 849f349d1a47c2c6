import { parseOptions, rewardPart, withoutPictures } from "@papo/core";
import type { Plugin, PromptParts, Run, Sample } from "@papo/core";
import { z } from "zod";
import { descriptionIn } from "../words/description.ts";

const schema = z.strictObject({
  /** What a description is worth from which the policy finds the answer. Vision-SR1: 1; Visionary-R1: 0.1. */
  weight: z.number().nonnegative().default(1),
  /** Where the description begins in a response; "" is its start. */
  open: z.string().default("<description>"),
  /** Where it ends. */
  close: z.string().default("</description>"),
  /**
   * A response without a description: the "whole" of it serves as one (Vision-SR1), or it gets "nothing"
   * (Visionary-R1).
   */
  missing: z.enum(["whole", "nothing"]).default("whole"),
  /** The text of the second prompt; {description} and {question} are filled in. */
  prompt: z.string().default("{description}\n\n{question}"),
  /** The part of the reward that judges the second answer. */
  metric: z.string().default("accuracy"),
  /** Tokens of the second answer at most; null: as the first. */
  maxNewTokens: z.int().positive().meta({ unit: "tokens" }).nullable().default(null),
});

/**
 * r ← r + weight·accuracy of the policy's own answer to the question from its description alone, without the picture:
 * what was seen must stand in the description (Vision-SR1, arXiv:2508.19652, Sec. 3; Visionary-R1, arXiv:2505.14677,
 * caption reward). The second answer is judged by the recipe's scorers and is not trained on.
 *
 * Metrics: second_hop/accuracy, its mean over responses that have a description; second_hop/described, their share.
 */
export class SecondHopRewardPlugin implements Plugin {
  readonly name = "SecondHopRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, auxiliary, metric }: Run): void {
    const { weight, metric: part, maxNewTokens } = this.options;
    const hop = auxiliary.register({
      name: "second-hop",
      prompt: (sample) => this.#prompt(sample),
      ...(maxNewTokens === null ? {} : { maxNewTokens }),
    });
    hooks.rewards.tapPromise(this.name, (rewards, group) => {
      const hops = group.auxiliary(hop);
      const shaped = rewards.map((reward, index) => {
        const second = hops[index]![0];
        metric("second_hop/described", second === undefined ? 0 : 1);
        if (second === undefined) return reward;
        const value = rewardPart(second, part);
        metric("second_hop/accuracy", value);
        return reward + weight * value;
      });
      return Promise.resolve(shaped);
    });
  }

  #prompt({ prompt: { row, pictures }, response }: Sample): PromptParts | null {
    const description = descriptionIn(response, this.options);
    if (description === null) return null;
    const question = withoutPictures({ ...row, pictures });
    return {
      ...question,
      prompt: this.options.prompt.replaceAll("{description}", description).replaceAll("{question}", question.prompt),
    };
  }
}
