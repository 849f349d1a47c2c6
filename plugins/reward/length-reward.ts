import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { limitSchema, registerScore, scores } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("length"),
  /** Weight in the reward. */
  weight: z.number().default(0.1),
  /** Tokens of a response from which on the value is 1, rising linearly from 0. 0: none. */
  atLeast: z.int().nonnegative().meta({ unit: "tokens" }).default(0),
  /** Tokens up to which it stays 1; null: any number. */
  atMost: z.int().positive().meta({ unit: "tokens" }).nullable().default(null),
  /** Tokens over which it falls from 1 to 0 beyond `atMost`. */
  fade: z.int().positive().meta({ unit: "tokens" }).default(128),
  ...limitSchema,
});

/**
 * 1 for responses of a wanted length in tokens, less outside: min(1, n / atLeast) · clamp((atMost + fade − n) / fade,
 * 0, 1). DAPO's overlong penalty is OverlongPenaltyPlugin.
 */
export class LengthRewardPlugin implements Plugin {
  readonly name = "LengthRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
    const { atLeast, atMost } = this.options;
    if (atMost !== null && atLeast > atMost)
      throw new Error(`${this.name}: atLeast ${atLeast} is above atMost ${atMost}`);
  }

  apply(run: Run): void {
    registerScore(run, scores, "length", this.options);
  }
}
