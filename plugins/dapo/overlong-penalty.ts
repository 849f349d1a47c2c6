import { parseOptions, policyTokens } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** L_max: the longest response that is meant to be, in tokens. */
  maxLength: z.int().positive().meta({ unit: "tokens" }),
  /** The penalty grows over this many tokens before maxLength. */
  cache: z.int().positive().meta({ unit: "tokens" }),
  /** Penalty at maxLength. */
  factor: z.number().positive().meta({ unit: "reward" }).default(1),
  /** Past maxLength the penalty goes on growing ("linear", verl) or stays at `factor` ("flat", TRL). */
  beyond: z.enum(["linear", "flat"]).default("linear"),
});

/**
 * r ← r + min(−(len − (L_max − cache)) / cache · factor, 0): long responses pay, softly at first
 * (DAPO, arXiv:2503.14476, soft overlong punishment).
 *
 * Metrics: dapo/overlong_penalty, its mean over responses; dapo/overlong_share, the share of responses that pay.
 */
export class OverlongPenaltyPlugin implements Plugin {
  readonly name = "OverlongPenaltyPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema>) {
    this.options = parseOptions(this.name, schema, options);
    const { cache, maxLength } = this.options;
    if (cache > maxLength)
      throw new Error(`${this.name}: the option "cache" is ${cache}, allowed is at most maxLength, ${maxLength}`);
  }

  apply({ hooks, metric }: Run): void {
    hooks.rewards.tapPromise(this.name, (rewards, group) => {
      const shaped = rewards.map((reward, index) => {
        const penalty = this.penalty(policyTokens(group.samples[index]!.response).length);
        metric("dapo/overlong_penalty", penalty);
        metric("dapo/overlong_share", penalty < 0 ? 1 : 0);
        return reward + penalty;
      });
      return Promise.resolve(shaped);
    });
  }

  /** What a response of this many tokens pays: 0 or less. */
  penalty(length: number): number {
    const { maxLength, cache, factor, beyond } = this.options;
    const counted = beyond === "flat" ? Math.min(length, maxLength) : length;
    const excess = counted - (maxLength - cache);
    return excess <= 0 ? 0 : (-excess / cache) * factor;
  }
}
