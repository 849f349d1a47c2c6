/** What a run of a shortcut task learns, told apart by whether the prior is right. */
import { lastTurn, type Plugin, type Row, type Run, type Scorer } from "@papo/core";
import { priorColumn } from "../../evaluation/question.ts";
import { parseResponse } from "../shapes/judge.ts";

/** Whether a response gives the answer that the prior leads to, looked or not. */
const follows = ({ fields }: Row, text: string): number => Number(parseResponse(text)?.answer === fields["suggested"]);

/**
 * The rate of being fooled, for measuring: 1 where the prior is wrong and its answer is given, null where there is none
 * or it is right. It counts in no reward.
 */
export const fooledScorer: Scorer = {
  name: "fooled",
  weight: 0,
  timeoutSeconds: 10,
  onFailure: "stop",
  score: ({ prompt: { row }, response }) =>
    row.fields[priorColumn] === "wrong" ? follows(row, lastTurn(response)) : null,
};

/**
 * Measures, without training on it, how a policy treats the prior: training is the same with and without the probe.
 *
 * Metrics, means over the sampled responses: shortcut/accuracy_prior_wrong and shortcut/accuracy_prior_right, shares
 * that are right where the prior leads to a wrong and to the right answer; shortcut/followed, the share whose answer is
 * the prior's; shortcut/fooled, the same where it is wrong.
 */
export class PriorProbePlugin implements Plugin {
  readonly name = "PriorProbePlugin";

  apply({ hooks, metric }: Run): void {
    hooks.rewards.tapPromise(this.name, (rewards, { samples }) => {
      for (const {
        prompt: { row },
        response,
        parts,
      } of samples) {
        const wrong = row.fields[priorColumn] === "wrong";
        const followed = follows(row, lastTurn(response));
        metric(`shortcut/accuracy_prior_${wrong ? "wrong" : "right"}`, parts["accuracy"] ?? 0);
        metric("shortcut/followed", followed);
        if (wrong) metric("shortcut/fooled", followed);
      }
      return Promise.resolve(rewards);
    });
  }
}
