/**
 * SEED-Bench-R1 (arXiv:2503.24376): GRPO on frames of videos, measured by right answers and by how many answers are
 * those that their own reasoning comes to. Rows and first stage: docs/works.md.
 */
import { FunctionRewardPlugin } from "@papo/plugins";
import { defineRun, preset } from "@papo/recipes";
import { isRight } from "../rewards.ts";

const { plugins, settings } = preset("grpo");
const rows = "../../../runs/works/seed-bench-r1";

/** 1 where the answer is the conclusion of the thoughts, 0 where it is another, null without thoughts. */
export function consistency(text: string): number | null {
  const [, conclusion, answer] = /; ([^;]*) <\/think> \\boxed\{ (.*) \}$/.exec(text) ?? [];
  return conclusion === undefined ? null : Number(conclusion === answer);
}

export default defineRun({
  model: `${rows}/supervised/model`,
  data: `${rows}/train.jsonl`,
  plugins: [
    ...plugins,
    new FunctionRewardPlugin(
      { name: "accuracy", score: isRight },
      // It counts in no reward, and stands in every log and evaluation.
      { name: "consistency", weight: 0, score: ({ response }) => consistency(response.text) },
    ),
  ],
  settings: { ...settings, steps: 30 },
  evaluation: `${rows}/unseen.jsonl`,
  output: `${rows}/run`,
});
