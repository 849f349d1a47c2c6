import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { limitSchema, registerScore, scores } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("accuracy"),
  /** Weight in the reward. */
  weight: z.number().default(0.9),
  /** "exact": letter by letter; "normalised": without case, punctuation, articles and extra whitespace. */
  match: z.enum(["exact", "normalised"]).default("normalised"),
  /** What is compared: the last \boxed{…}, what stands in <answer> tags, or the whole response. */
  from: z.enum(["box", "answer_tags", "response"]).default("box"),
  ...limitSchema,
});

/**
 * 1 when the answer is the row's as a string, else 0; the note tells a response without an answer from a wrong one. For
 * mathematics see MathRewardPlugin.
 */
export class StringRewardPlugin implements Plugin {
  readonly name = "StringRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    registerScore(run, scores, "string", this.options);
  }
}
