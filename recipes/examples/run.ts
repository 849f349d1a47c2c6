import { defineRun, grpo, papo } from "@papo/recipes";
import { VisualFocusPlugin } from "./visual-focus.ts";

export default defineRun({
  model: "../app/tasks/shapes/start-model", // a Hugging Face folder: docs/models.md
  data: "./data/rows.jsonl", // a line: {"prompt": "…", "images": ["a.png"], "answer": "…"}; or .csv, .parquet, .arrow
  reward: ({ prompt, response }) => (response.text.endsWith(`\\boxed{ ${prompt.row.answer} }`) ? 1 : 0),
  plugins: [...papo(grpo()), new VisualFocusPlugin({ threshold: 0.1 })],
  settings: { steps: 10, promptsPerStep: 8, samplesPerPrompt: 8, learningRate: 1e-4, sampling: { maxNewTokens: 32 } },
  evaluation: "./data/rows.jsonl",
  output: "../../runs/example",
});
