/** What a run of a shortcut task learns, told apart by whether the prior is right. */
import type { Plugin, Run } from "@papo/core";
import { priorColumn } from "../../evaluation/question.ts";
import { parseResponse } from "../shapes/judge.ts";

/**
 * Measures, without training on it, how a policy treats the prior: training is the same with and without the probe.
 *
 * Metrics, means over the sampled responses: shortcut/accuracy_prior_wrong and shortcut/accuracy_prior_right, shares that are right where the prior leads to a wrong and to the right
 * answer; shortcut/followed, the share whose answer is the prior's.
 */
export class PriorProbePlugin implements Plugin {
  readonly name = "PriorProbePlugin";

  apply({ hooks, metric }: Run): void {
    hooks.rewards.tapPromise(this.name, (rewards, { samples }) => {
      for (const { prompt: { row }, response, parts } of samples) {
        metric(`shortcut/accuracy_prior_${row.fields[priorColumn] === "wrong" ? "wrong" : "right"}`, parts["accuracy"] ?? 0);
        metric("shortcut/followed", Number(parseResponse(response.text)?.answer === row.fields["suggested"]));
      }
      return Promise.resolve(rewards);
    });
  }
}
