import { meanLikelihood, parseOptions, tokensBetween, writtenText } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { Verifier } from "../verify/thread/verifier.ts";

const schema = z.strictObject({
  /** Where the answer begins in a response's text. */
  open: z.string().default("\\boxed{"),
  /** Where it ends. */
  close: z.string().default("}"),
  /** Whose likelihood it is: that of the weights at the run's start, or of those that sampled. */
  weights: z.enum(["reference", "old"]).default("reference"),
  /** Measure every so many steps, the first one included; each costs a pass over the responses. */
  every: z.int().positive().meta({ unit: "steps" }).default(1),
});

/**
 * Measures, without training on it, whether answers follow from their reasoning (GRPO-CARE, arXiv:2506.16141): training
 * is the same with and without the probe.
 *
 * Metrics: observe/answer_likelihood, mean over responses of exp(mean log π of the answer's tokens after the response's
 * own reasoning), 0 without an answer; observe/consistency, the share of answers that equal the one their reasoning
 * names, among those whose reasoning in <think> tags names one ("the answer is …", a box).
 */
export class ConsistencyProbePlugin implements Plugin {
  readonly name = "ConsistencyProbePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    const { open, close, weights, every } = this.options;
    const verifier = new Verifier();
    const active = run.coefficient("observe/consistency_probe", 1);
    const answer = run.scores.request({
      weights,
      stage: "rewards",
      target: tokensBetween(open, close, "probed answer"),
      while: active,
    });
    run.hooks.coefficient.tap(this.name, (value, { name, step }) =>
      name === "observe/consistency_probe" && step % every !== 0 && step !== 1 ? 0 : value,
    );
    run.hooks.rewards.tapPromise(this.name, async (rewards, group) => {
      if (active.value === 0) return rewards;
      for (const logProbs of group.get(answer)) run.metric("observe/answer_likelihood", meanLikelihood(logProbs));
      const verdicts = await Promise.all(
        group.samples.map(({ prompt: { row }, response }) => verifier.verify(row.answer, writtenText(response))),
      );
      for (const { consistent } of verdicts)
        if (consistent !== null) run.metric("observe/consistency", Number(consistent));
      return rewards;
    });
  }
}
