/**
 * Mixture of Opinions (MoO, arXiv:2502.19622): GRPO on questions with the opinions of weaker models before them. Rows:
 * docs/works.md.
 */
import { defineRun, preset, startModel } from "@papo/recipes";
import { isRight } from "../rewards.ts";

const { plugins, settings } = preset("grpo");
const rows = "../../../runs/works/moo";

export default defineRun({
  model: startModel,
  data: `${rows}/train/opinions.jsonl`,
  reward: isRight,
  plugins,
  settings: { ...settings, steps: 40 },
  // Each question twice: with opinions and alone.
  evaluation: { data: `${rows}/test/opinions.jsonl`, categories: ["opinions"] },
  output: `${rows}/run`,
});
