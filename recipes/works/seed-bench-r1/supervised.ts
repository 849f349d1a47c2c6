/** The benchmark's base model has seen videos; the shipped one learns here what frames are. `papo sft` trains it. */
import { defineRun, grpo, startModel } from "@papo/recipes";
import { firstStage } from "../first-stage.ts";

const rows = "../../../runs/works/seed-bench-r1";

export default defineRun({
  model: startModel,
  data: `${rows}/train.jsonl`,
  plugins: grpo(),
  settings: firstStage,
  output: rows,
});
