/**
 * PAPO-D on MMK12 with the published settings of its 3B row: 15,616 questions, two passes of 384 prompts. The paper
 * trains on ViRL39K and measures on MMK12's test questions; here its training questions are trained on.
 *
 * Needs, beside this file: Qwen2.5-VL-3B-Instruct; MMK12, FanqingM/MMK12's folder with data/train-*.parquet and
 * data/test-*.parquet (columns id, question, answer, subject, image). `npx papo plan` says what memory and disk it
 * takes.
 */
import { defineRun, preset, promptTemplates } from "@papo/recipes";

const { plugins, settings } = preset("papo-d-3b");

const template = promptTemplates.thinkBoxed;

export default defineRun({
  model: "./Qwen2.5-VL-3B-Instruct",
  data: {
    path: "./MMK12",
    columns: { prompt: "question", answer: "answer", images: "image", id: "id" },
    split: "train",
    template,
  },
  plugins,
  settings: { ...settings, steps: 81, pictures: { minPixels: 200_704, maxPixels: 1_003_520 }, onBadRow: "skip" },
  evaluation: { data: { path: "./MMK12", benchmark: "mmk12", template }, every: 10, categories: ["subject"] },
  output: "../../runs/papo-mmk12",
});
