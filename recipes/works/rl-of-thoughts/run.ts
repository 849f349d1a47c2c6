/**
 * RL of Thoughts (arXiv:2505.14140): the model stays as it is, and a navigator learns which block of thought it is led
 * through at inference. Rows and first stage: docs/works.md.
 */
import { defineRun, preset } from "@papo/recipes";
import { isRight } from "../rewards.ts";
import { NavigatorPlugin } from "./navigator.ts";

const { plugins, settings } = preset("grpo");
const rows = "../../../runs/works/rl-of-thoughts";

export default defineRun({
  model: `${rows}/supervised/model`,
  data: `${rows}/train.jsonl`,
  reward: isRight,
  plugins: [...plugins, new NavigatorPlugin()],
  // No row comes twice, so that the last steps are measured on unseen questions, as the first ones are.
  settings: { ...settings, steps: 40, learningRate: 0, sampling: { ...settings.sampling, maxNewTokens: 160 } },
  output: `${rows}/run`,
});
