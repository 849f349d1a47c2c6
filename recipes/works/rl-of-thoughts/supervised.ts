/** The paper's models can be led; the shipped one learns here what the blocks' words mean. `papo sft` trains it. */
import { defineRun, grpo, startModel } from "@papo/recipes";
import { firstStage } from "../first-stage.ts";

const rows = "../../../runs/works/rl-of-thoughts";

export default defineRun({
  model: startModel,
  data: `${rows}/dialogues.jsonl`,
  plugins: grpo(),
  settings: { ...firstStage, steps: 80 },
  output: rows,
});
