import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { loadPicture, type Row } from "@papo/core";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { underCondition } from "../../../recipes/evaluation/pictures.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const folder = temporaryFolder();
const file = (name: string): string => join(folder, `${name}.png`);
beforeAll(async () => {
  for (const [index, name] of ["a", "b", "c"].entries()) await sharp({ create: { width: 4 + index, height: 3, channels: 3, background: "red" } }).png().toFile(file(name));
});

const dataset = arrayDataset([
  { id: "1", prompt: "<image> What?", images: [file("a")] },
  { id: "2", prompt: "No picture." },
  { id: "3", prompt: "Which?", images: [file("b")] },
  { id: "4", prompt: "Both <image><image>", images: [file("a"), file("c")] },
]);
const rowsOf = async (condition: Parameters<typeof underCondition>[1]): Promise<Row[]> => {
  const changed = await underCondition(dataset, condition);
  return Promise.all(Array.from({ length: changed.size }, async (_, index) => changed.row(index)));
};

test("grey pictures have the size of the real ones", async () => {
  const rows = await rowsOf("blank");
  expect(rows.map(({ id }) => id)).toEqual(["1", "3", "4"]);
  const [source] = rows[1]!.images as readonly { bytes: Uint8Array; name: string }[];
  const picture = await loadPicture(source!.bytes, source!.name);
  expect([picture.width, picture.height, new Set(picture.data)]).toEqual([5, 3, new Set([128])]);
});

test("swapped pictures are another question's, as many; who has no such question is left out", async () => {
  expect((await rowsOf("swapped")).map(({ id, images }) => [id, images])).toEqual([["1", [file("b")]], ["3", [file("a")]]]);
});

test("absent pictures leave no mark", async () => {
  expect((await rowsOf("absent")).map(({ prompt, images }) => [prompt, images])).toEqual([["What?", []], ["Which?", []], ["Both", []]]);
  expect(await underCondition(dataset, "real")).toBe(dataset);
  await expect(underCondition(arrayDataset([{ prompt: "x" }], "words"), "blank")).rejects.toThrow('Dataset "words" has no pictures');
});
