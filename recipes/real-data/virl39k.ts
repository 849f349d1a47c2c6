/**
 * PAPO-G on ViRL39K, the published 7B row: 38,870 questions, two passes of 384 prompts × 5 responses, measured on
 * MMK12's test questions as the PAPO release does.
 *
 * Needs, beside this file: Qwen2.5-VL-7B-Instruct; ViRL39K, TIGER-Lab/ViRL39K's 39Krelease.parquet with its images.zip
 * unpacked beside it (images/…: the column `image` names files there); MMK12, FanqingM/MMK12's folder with
 * data/test-*.parquet. The release reads its own copies of both (columns problem, answer, images): drop `columns` for
 * those. `npx papo plan` says what memory and disk it takes, `npx papo data check recipes/real-data/virl39k.ts` whether
 * all rows will do.
 */
import { defineRun, preset } from "@papo/recipes";

const { plugins, settings } = preset("papo-g-7b");

/** The release's own, math_perception.jinja. */
const template =
  "{prompt}\n\nYou first think through the reasoning process as an internal monologue, enclosed within <think> </think> tags. Then, provide your final answer enclosed within \\boxed{}.";

export default defineRun({
  model: "./Qwen2.5-VL-7B-Instruct",
  data: {
    path: "./ViRL39K/39Krelease.parquet",
    columns: { prompt: "question", answer: "answer", images: "image", id: "qid" },
    template,
  },
  plugins,
  settings: { ...settings, pictures: { minPixels: 200_704, maxPixels: 1_003_520 }, onBadRow: "skip" },
  evaluation: { data: { path: "./MMK12", benchmark: "mmk12", template }, every: 10, categories: ["subject"] },
  output: "../../runs/papo-virl39k",
});
