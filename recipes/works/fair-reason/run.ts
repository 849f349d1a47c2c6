/**
 * FairReason (arXiv:2507.23067): how much of the data should be against a bias, and how much for reasoning? A mix in
 * given proportions; `papo sweep` varies them, and its plot has right answers by what a question is about. Rows:
 * docs/works.md.
 */
import type { Scorable } from "@papo/core";
import { FunctionRewardPlugin } from "@papo/plugins";
import { defineRun, preset } from "@papo/recipes";
import { isRight, says } from "../rewards.ts";

const { plugins, settings } = preset("grpo");
const rows = "../../../runs/works/fair-reason";

/** 1 where a wrong suggestion is the answer, null where none is wrong. */
export const biased = (sample: Scorable): number | null => {
  const { prior, suggested } = sample.prompt.row.fields;
  return prior === "wrong" ? says(sample, suggested) : null;
};

export default defineRun({
  model: "../../app/tasks/shortcut/start-model",
  data: [
    { path: `${rows}/bias/bias.jsonl`, weight: 1 },
    { path: `${rows}/reasoning/reasoning.jsonl`, weight: 4 },
  ],
  plugins: [
    ...plugins,
    new FunctionRewardPlugin(
      { name: "accuracy", score: isRight },
      // The bias itself: it counts in no reward, and stands in every log and evaluation.
      { name: "biased", weight: 0, score: biased },
    ),
  ],
  settings: { ...settings, steps: 24 },
  evaluation: { data: `${rows}/unseen/unseen.jsonl`, categories: ["about"] },
  output: `${rows}/run`,
});
