import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openJsonl } from "../../../../../core/data/formats/jsonl.ts";
import type { Row } from "../../../../../core/contracts/step/row.ts";
import { writeDataset } from "../../../../../recipes/app/tasks/shapes/dataset.ts";
import { makeExample, sharedSprites } from "../../../../../recipes/app/tasks/shapes/examples.ts";
import { judgeRow } from "../../../../../recipes/app/tasks/shapes/judge.ts";
import { reasonedResponse } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import { mixedGrids } from "../../../../../recipes/app/tasks/shapes/scene.ts";

const options = { seed: 8, split: "test", count: 40, grids: mixedGrids } as const;
let folder: string;
let rows: Row[];
const reports: number[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shapes-"));
  const dataset = await openJsonl(await writeDataset(folder, { ...options, onProgress: (done) => reports.push(done) }));
  rows = await Promise.all(Array.from({ length: dataset.size }, async (_, index) => dataset.row(index)));
});
afterAll(() => rm(folder, { recursive: true }));

test("rows read back from the file are those made in memory", async () => {
  const sprites = await sharedSprites();
  expect(rows).toHaveLength(40);
  expect(reports).toEqual([32, 40]);
  for (const [index, row] of rows.entries()) {
    const example = makeExample(index, options, sprites);
    expect(row).toEqual({ ...example.row, images: [join(folder, example.row.images[0] as string)], folder });
    expect(judgeRow(reasonedResponse(example.item), row).correct).toBe(true);
  }
});

test("a picture file holds the example's pixels", async () => {
  const { picture } = makeExample(3, options, await sharedSprites());
  const { data, info } = await sharp(rows[3]!.images[0] as string)
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([picture.width, picture.height]);
  expect(new Uint8Array(data)).toEqual(picture.data);
});
