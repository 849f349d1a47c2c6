import { parseOptions } from "@papo/core";
import type { Plugin, Run, Scorer } from "@papo/core";
import { z } from "zod";
import { onFailureSchema } from "./failure.ts";

const schema = z.strictObject({
  /** Names the part of the reward; unique in a run. */
  name: z.string().min(1),
  /**
   * Gives a number, { value, note }, or null where it does not apply (left out of the sum and of its own mean), or a
   * promise of one; sees row, pictures, text and tokens.
   */
  score: z.custom<Scorer["score"]>((value) => typeof value === "function", "a function"),
  /** Weight in the reward. */
  weight: z.number().default(1),
  /** Seconds before a call counts as hung. */
  timeoutSeconds: z.number().positive().meta({ unit: "seconds" }).default(60),
  /**
   * A throw, a time-out or a number that is not finite: "stop" the run, "drop" the response's group, or give this
   * value, logged and counted.
   */
  onFailure: onFailureSchema,
});

/**
 * Your own functions as rewards, one or several: `new FunctionRewardPlugin({ name: "short", score: ({ response }) => …
 * })`.
 */
export class FunctionRewardPlugin implements Plugin {
  readonly name = "FunctionRewardPlugin";
  readonly options: readonly z.output<typeof schema>[];

  constructor(...rewards: readonly z.input<typeof schema>[]) {
    if (rewards.length === 0) throw new Error(`${this.name}: no reward is given; give at least one { name, score }`);
    this.options = rewards.map((reward) => parseOptions(this.name, schema, reward));
  }

  apply({ rewards }: Run): void {
    for (const options of this.options) rewards.register(options);
  }
}
