/** R2Rec's first stage: thoughts along chains, learned from traces. `papo sft` trains it. */
import { defineRun, grpo, startModel } from "@papo/recipes";
import { firstStage } from "../first-stage.ts";

const rows = "../../../runs/works/r2rec";

export default defineRun({
  model: startModel,
  data: `${rows}/traces.jsonl`,
  plugins: grpo(),
  settings: firstStage,
  output: rows,
});
