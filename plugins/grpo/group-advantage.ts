import { allAlone, groupAdvantages, maskedShare, overTokens, parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Divide by the group's standard deviation; false leaves r − mean (Dr. GRPO, arXiv:2503.20783). */
  normalise: z.boolean().default(true),
  /** Added to the standard deviation. verl and the PAPO release use 1e-6, TRL 1e-4. */
  epsilon: z.number().positive().meta({ unit: "reward" }).default(1e-6),
  /** A group of one response: "reward" keeps its raw reward, as verl does; "zero" teaches nothing, as in TRL. */
  single: z.enum(["reward", "zero"]).default("reward"),
});

/**
 * A_i = (r_i − mean r) / (std r + ε) within each prompt's group, the same for every token of a response; std is
 * unbiased (GRPO, arXiv:2402.03300).
 *
 * Metrics: grpo/zero_advantage, the share of responses that teach nothing because their group agrees.
 */
export class GroupAdvantagePlugin implements Plugin {
  readonly name = "GroupAdvantagePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric, warn }: Run): void {
    hooks.advantages.tap(this.name, (_advantages, batch) => {
      if (allAlone(batch.groupOf)) {
        const then =
          this.options.single === "reward"
            ? "its advantage is its raw reward, without a baseline"
            : "its advantage is 0, and nothing is learned";
        warn(`every group has one response and nothing to compare it with: ${then}; set samplesPerPrompt to 2 or more`);
      }
      const rewards = batch.samples.map(({ reward }) => reward);
      const perResponse = groupAdvantages(rewards, batch.groupOf, this.options);
      metric(
        "grpo/zero_advantage",
        maskedShare(new Uint8Array(batch.B).fill(1), (row) => perResponse[row] === 0),
      );
      return overTokens(perResponse, batch);
    });
  }
}
