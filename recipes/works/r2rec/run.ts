/**
 * R2Rec's second stage (arXiv:2506.05069): GRPO, with what the user took next as the reward; right answers are
 * HitRatio@1. Rows and first stage: docs/works.md.
 */
import { defineRun, preset } from "@papo/recipes";
import { isRight } from "../rewards.ts";

const { plugins, settings } = preset("grpo");
const rows = "../../../runs/works/r2rec";

export default defineRun({
  model: `${rows}/supervised/model`,
  data: `${rows}/train.jsonl`,
  reward: isRight,
  plugins,
  settings: { ...settings, steps: 30 },
  evaluation: `${rows}/unseen.jsonl`,
  output: `${rows}/run`,
});
