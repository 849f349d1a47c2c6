import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { expect, test } from "vitest";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { fileDigest } from "../../../core/data/file-digest.ts";
import { mixDatasets } from "../../../core/data/mix.ts";
import { openData } from "../../../core/data/open.ts";
import { picturesDigest } from "../../../core/data/picture-digest.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const names = ["a.png", "b.png", "a.png"];
const rows = names.map((image, index) => ({ prompt: `What is in picture ${index}?`, answer: String(index), image }));
const column = (name: "prompt" | "answer" | "image") => ({
  name,
  data: rows.map((row) => row[name]),
  type: "STRING" as const,
});
const writers: Readonly<Record<string, (file: string) => void>> = {
  jsonl: (file) => writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join("")),
  csv: (file) =>
    writeFileSync(
      file,
      `prompt,answer,image\n${rows.map(({ prompt, answer, image }) => `${prompt},${answer},${image}\n`).join("")}`,
    ),
  parquet: (file) =>
    parquetWriteFile({ filename: file, columnData: [column("prompt"), column("answer"), column("image")] }),
};

test.each(Object.entries(writers))(
  "pictures that rows of .%s name by path are read, each once, wherever they lie",
  async (kind, write) => {
    const folder = join(temporaryFolder(), "data");
    mkdirSync(folder);
    for (const name of new Set(names)) writeFileSync(join(folder, name), name);
    const file = join(folder, `rows.${kind}`);
    write(file);
    const read: string[] = [];
    const digest = async (of = file): Promise<string | undefined> =>
      picturesDigest(await openData(of), (picture) => (read.push(picture), fileDigest(picture)));
    const first = await digest();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(read).toEqual([join(folder, "a.png"), join(folder, "b.png")]);
    cpSync(folder, `${folder}-moved`, { recursive: true });
    expect(await digest(join(`${folder}-moved`, `rows.${kind}`))).toBe(first);
    writeFileSync(join(folder, "b.png"), "c.png");
    const other = await digest();
    expect(other).not.toBe(first);
    const dataset = await openData(file);
    rmSync(join(folder, "b.png"));
    expect(new Set([first, other, await picturesDigest(dataset, fileDigest)]).size).toBe(3);
  },
);

test("rows in memory and mixes name theirs; pictures inside rows have no files", async () => {
  const file = join(temporaryFolder(), "a.png");
  writeFileSync(file, "a");
  const [named, inside] = [
    arrayDataset([{ prompt: "a", images: [file, file] }], "named"),
    arrayDataset([{ prompt: "b", images: [{ name: "p", bytes: Uint8Array.of(1) }] }], "inside"),
  ];
  const mix = mixDatasets([
    { dataset: inside, weight: 1 },
    { dataset: named, weight: 1 },
  ]);
  expect(await mix.pictures!()).toEqual([file]);
  expect(await picturesDigest(mix, fileDigest)).toBe(await picturesDigest(named, fileDigest));
  expect(await picturesDigest(inside, fileDigest)).toBeUndefined();
});

test("what is no file that can be read is left to the reader of the row", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "folder.png"));
  const of = (...names: string[]): Promise<string | undefined> =>
    picturesDigest(arrayDataset([{ prompt: "a", images: names.map((name) => join(folder, name)) }]), fileDigest);
  expect(await of("folder.png", "gone.png", "a\0.png")).toMatch(/^[0-9a-f]{64}$/);
});
