import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { limitSchema, registerScore, scores } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("repetition"),
  /** Weight in the reward. */
  weight: z.number().default(0.1),
  /** Tokens of an n-gram. */
  n: z.int().positive().meta({ unit: "tokens" }).default(4),
  ...limitSchema,
});

/**
 * 0 for a response without repeated n-grams of tokens, down to −1 for one that repeats itself throughout: −(1 −
 * distinct / all).
 */
export class RepetitionRewardPlugin implements Plugin {
  readonly name = "RepetitionRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    registerScore(run, scores, "repetition", this.options);
  }
}
