import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { limitSchema, registerScore, scores } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("facts"),
  /** Weight in the reward. */
  weight: z.number().default(0.5),
  /** The row's column with what should be stated: a list of texts, or of lists of texts of which one suffices. */
  column: z.string().default("facts"),
  /** Where it must be stated: anywhere, or between these two marks. */
  within: z.tuple([z.string(), z.string()]).nullable().default(null),
  /** Count a fact only after the one before it was stated: key steps in their order. */
  inOrder: z.boolean().default(false),
  ...limitSchema,
});

/**
 * The share of a row's annotated facts that the response states, as words without case and punctuation: perception
 * facts, or the key steps of a solution (`column: "key_steps", inOrder: true`; soft key-step matching, R1-VL,
 * arXiv:2503.12937). The note names what is missing.
 */
export class StatedFactsRewardPlugin implements Plugin {
  readonly name = "StatedFactsRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    registerScore(run, scores, "statedFacts", this.options);
  }
}
