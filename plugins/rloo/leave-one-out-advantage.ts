import { allAlone, groupAdvantages, groupsOf, overTokens, parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({});

/**
 * A_i = r_i − mean of the group's other rewards = G/(G − 1)·(r_i − mean r), the same for every token of a response; a
 * group of one keeps its raw reward, as in verl (RLOO, arXiv:2402.14740, Eq. 8).
 *
 * Metric: rloo/advantage, the mean |A| over responses.
 */
export class LeaveOneOutAdvantagePlugin implements Plugin {
  readonly name = "LeaveOneOutAdvantagePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric, warn }: Run): void {
    hooks.advantages.tap(this.name, (_advantages, batch) => {
      if (allAlone(batch.groupOf))
        warn(
          "every group has one response and no others to leave it out of: its advantage is its raw reward; set samplesPerPrompt to 2 or more",
        );
      const centred = groupAdvantages(
        batch.samples.map(({ reward }) => reward),
        batch.groupOf,
        { normalise: false, epsilon: 0, single: "reward" },
      );
      const perResponse = new Float64Array(batch.B);
      for (const rows of groupsOf(batch.groupOf)) {
        for (const row of rows)
          perResponse[row] = rows.length === 1 ? centred[row]! : (centred[row]! * rows.length) / (rows.length - 1);
      }
      for (const value of perResponse) metric("rloo/advantage", Math.abs(value));
      return overTokens(perResponse, batch);
    });
  }
}
