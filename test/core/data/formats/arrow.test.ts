import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openArrow } from "../../../../core/data/formats/arrow.ts";
import { openData } from "../../../../core/data/open.ts";
import { createRandom } from "../../../../core/math/random.ts";
import { loadPicture } from "../../../../core/model/processing/picture.ts";
import { temporaryFolder } from "../../../support/bandit.ts";
import { root } from "../../../support/command-line.ts";

/** What save_to_disk of Hugging Face datasets wrote (make_benchmarks.py): 250 rows in batches of 100. */
const saved = join(root, "test/golden/cases/benchmarks/saved");
const columns = { prompt: "problem" };

test("a folder of save_to_disk is a dataset of its split, rows in order, whatever batch they are in", async () => {
  const dataset = await openData(saved, { columns });
  expect(dataset.size).toBe(250);
  for (const index of [249, 0, 100, 99, 7]) {
    const row = await dataset.row(index);
    expect(row).toMatchObject({
      id: `data-00000-of-00001.arrow:${index}`,
      prompt: `What is ${index}?`,
      answer: String(index),
    });
    expect(row.images).toHaveLength(index % 3);
    expect(JSON.parse(JSON.stringify(row.fields))).toEqual({
      level: index,
      about: { topic: index % 2 === 1 ? "numbers" : null, steps: [index, index + 1] },
    });
  }
  const [picture] = (await dataset.row(1)).images as readonly { bytes: Uint8Array }[];
  expect([...(await loadPicture(picture!.bytes)).data.subarray(0, 3)]).toEqual([255, 0, 0]);
  expect((await openData(saved, { columns, split: "test" })).size).toBe(5);
});

test("a shuffled pass has every row once", async () => {
  const dataset = await openArrow(saved, { columns, heldBytes: 40_000 });
  const order = [...(dataset.shuffle!(createRandom(1)) as Int32Array)];
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 250 }, (_, index) => index));
  expect(order.slice(0, 100)).not.toEqual(Array.from({ length: 100 }, (_, index) => index));
});

test("what is no such file, or lacks a column, is named", async () => {
  await expect(openArrow(saved, { columns: { answer: "gold" } })).rejects.toThrow(
    'has no column "gold" (the answer); columns found: problem, answer, images, level, about; another column is named by columns: { answer: "…" }',
  );
  const folder = temporaryFolder();
  cpSync(join(saved, "test"), folder, { recursive: true });
  const file = join(folder, "data-00000-of-00001.arrow");
  const whole = readFileSync(file);
  writeFileSync(file, "this is no arrow file at all");
  await expect(openArrow(folder, { columns })).rejects.toThrow(/data-00000-of-00001\.arrow cannot be read as Arrow: /);
  // A batch that was cut short is found when it is read.
  writeFileSync(file, whole.subarray(0, whole.length - 600));
  await expect((async () => (await openArrow(folder, { columns })).row(0))()).rejects.toThrow(
    /rows 0 to 4 of .*data-00000-of-00001\.arrow cannot be read: /,
  );
});
