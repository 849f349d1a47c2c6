/**
 * FairReason (arXiv:2507.23067), the data: questions that need reasoning, and questions about which the model has a
 * bias. The bias of the shipped model is to say what is suggested before a question; rows against it are those whose
 * suggestion tells nothing, being right for half of them.
 */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { writeExamples } from "../../app/tasks/shapes/dataset.ts";
import { makeExample, sharedSprites, type Example } from "../../app/tasks/shapes/examples.ts";
import { mixedGrids, type Split } from "../../app/tasks/shapes/scene.ts";
import { makeShortcut } from "../../app/tasks/shortcut/examples.ts";
import { isScript, rowsFolder } from "../drawn-rows.ts";

const seed = 22;
const reasoningKinds = ["sum_of_counts", "compare_counts", "digit_sum", "digit_range"];
const sprites = await sharedSprites();

function about(what: string, { row, ...example }: Example): Example {
  return { ...example, row: { ...row, fields: { ...row.fields, about: what } } };
}

/** @param rightShare of the questions, the share whose suggestion is right */
export const biasExample = (index: number, split: Split, rightShare: number): Example =>
  about("bias", makeShortcut(index, { prior: "suggestion", split, seed, rightShare }, sprites));

const reasoning = { seed, kinds: reasoningKinds, freeShare: 0, grids: mixedGrids };
export const reasoningExample = (index: number, split: Split): Example =>
  about("reasoning", makeExample(index, { split, ...reasoning }, sprites));

if (isScript(import.meta.url)) {
  const folder = rowsFolder("fair-reason");
  const write = async (name: string, count: number, make: (index: number) => Example): Promise<void> =>
    renameSync(await writeExamples(join(folder, name), make, { count }), join(folder, name, `${name}.jsonl`));
  await write("bias", 480, (index) => biasExample(index, "train", 0.5));
  await write("reasoning", 480, (index) => reasoningExample(index, "train"));
  // Of the questions that bias is measured by every suggestion is wrong.
  const unseen = (index: number): Example =>
    index % 2 === 0 ? biasExample(index, "test", 0) : reasoningExample(index, "test");
  await write("unseen", 400, unseen);
}
