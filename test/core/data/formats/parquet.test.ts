import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { openData } from "../../../../core/data/open.ts";
import { openParquet } from "../../../../core/data/formats/parquet.ts";
import { createRowOrder } from "../../../../core/data/row-order.ts";
import { createRandom } from "../../../../core/math/random.ts";
import { train } from "../../../../core/pipeline/run.ts";
import { loadPicture } from "../../../../core/model/processing/picture.ts";
import { BanditPlugin, banditSettings, ScorerPlugin, temporaryFolder } from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";

const folder = temporaryFolder();
let png: Uint8Array;

const columns = { prompt: "problem" };
const letters = "abcdef";

/** Rows as PAPO's release of ViRL39K has them: problem, answer, images, image_aug. */
function write(file: string, first: number, count: number): void {
  const rows = Array.from({ length: count }, (_, index) => first + index);
  parquetWriteFile({
    filename: file,
    columnData: [
      { name: "problem", data: rows.map((row) => `${letters[row % 6]}?`) },
      { name: "answer", data: rows.map((row) => String(row)) },
      { name: "images", data: rows.map((row) => (row % 5 === 4 ? [] : [{ bytes: png, path: `${row}.png` }])) },
      { name: "level", data: rows.map((row) => row % 3) },
    ],
    schema: [
      { name: "root", num_children: 4 },
      { name: "problem", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      { name: "answer", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      { name: "images", converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      { name: "level", type: "INT32", repetition_type: "OPTIONAL" },
    ],
    rowGroupSize: 10,
  });
}

beforeAll(async () => {
  png = new Uint8Array(
    await sharp({ create: { width: 3, height: 2, channels: 3, background: "red" } })
      .png()
      .toBuffer(),
  );
  mkdirSync(join(folder, "data"));
  write(join(folder, "data", "train-00000-of-00002.parquet"), 0, 25);
  write(join(folder, "data", "train-00001-of-00002.parquet"), 25, 12);
  write(join(folder, "data", "test-00000-of-00001.parquet"), 100, 4);
});

describe("a folder of Parquet files", () => {
  test("is one dataset of its split, rows in order, pictures from inside the files", async () => {
    const dataset = await openData(folder, { columns });
    expect(dataset.size).toBe(37);
    const row = await dataset.row(26);
    expect(row).toMatchObject({
      id: "train-00001-of-00002.parquet:1",
      prompt: "c?",
      answer: "26",
      fields: { level: 2 },
    });
    expect((await dataset.row(24)).images).toEqual([]);
    const [picture] = row.images as readonly { bytes: Uint8Array; name: string }[];
    expect(picture!.name).toBe("train-00001-of-00002.parquet:1, picture 1 (26.png)");
    expect(await loadPicture(picture!.bytes, picture!.name)).toMatchObject({
      width: 3,
      height: 2,
      data: new Uint8Array(Array.from({ length: 6 }, () => [255, 0, 0]).flat()),
    });
    expect((await openData(folder, { columns, split: "test" })).size).toBe(4);
    await expect(openData(folder, { columns, split: "validation" })).rejects.toThrow(
      'has no files of the split "validation"; there are data/test-00000-of-00001.parquet',
    );
    expect((await openData(folder)).notes).toEqual([
      'the prompt is taken from the column "problem" (columns: { prompt: "…" } names another)',
    ]);
  });

  test("is shuffled by seed, a few row groups at a time, every row once a pass, from any place", async () => {
    const dataset = await openParquet(folder, { columns, heldBytes: 1 });
    const take = async (count: number, order = createRowOrder(dataset, createRandom(3))): Promise<string[]> => {
      const rows = [];
      for (let index = 0; index < count; index++) rows.push((await order.next()).answer);
      return rows;
    };
    const once = await take(37);
    expect([...once].sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 37 }, (_, index) => String(index)),
    );
    expect(await take(37)).toEqual(once);
    expect(once).not.toEqual([...once].sort((a, b) => Number(a) - Number(b)));
    // One group at a time: the rows of a group come together.
    const groups = once.map((answer) => [0, 10, 20, 25, 35].findLastIndex((start) => start <= Number(answer)));
    expect(groups.filter((group, index) => group !== groups[index - 1])).toHaveLength(5);
    const order = createRowOrder(dataset, createRandom(3));
    await take(20, order);
    expect(await take(17, createRowOrder(dataset, createRandom(3), order.position))).toEqual(once.slice(20));
    const mixed = await take(37, createRowOrder(await openParquet(folder, { columns }), createRandom(3)));
    expect(new Set(mixed.slice(0, 10).map((answer) => Math.floor(Number(answer) / 10))).size).toBeGreaterThan(2);
  });

  test("is trained on; a row whose picture is broken stops the run, or is left out and counted", async () => {
    const broken = join(temporaryFolder(), "rows.parquet");
    parquetWriteFile({
      filename: broken,
      columnData: [
        { name: "prompt", data: ["a", "b", "c"], type: "STRING" },
        { name: "answer", data: ["1", "2", null], type: "STRING" },
        { name: "images", data: [null, Uint8Array.of(1, 2, 3), null], type: "BYTE_ARRAY" },
      ],
    });
    const run = async (settings: object) =>
      train({
        policy: tabularPolicy(),
        plugins: [new ScorerPlugin(), new BanditPlugin()],
        dataset: await openData(broken),
        output: temporaryFolder(),
        settings: { ...banditSettings, steps: 2, promptsPerStep: 2, parityPrompts: 0, ...settings },
      });
    await expect(run({})).rejects.toThrow(/rows\.parquet:[12].*cannot be used|Row "rows\.parquet:1" cannot be used/s);
    expect(await run({ onBadRow: "skip" })).toMatchObject({ ended: "finished" });
    expect((await run({ onBadRow: "skip" })).skippedRows).toBeGreaterThan(0);
  });

  test("says what is wrong with a file", async () => {
    const other = temporaryFolder();
    await expect(openData(join(other, "none.parquet"))).rejects.toThrow("does not exist");
    await expect(openData(other)).rejects.toThrow("holds no .parquet file");
    writeFileSync(join(other, "text.parquet"), "this is text");
    await expect(openData(other)).rejects.toThrow(/text\.parquet cannot be read as Parquet/);
  });
});
