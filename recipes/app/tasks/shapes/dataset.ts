/** The task as files: rows.jsonl with PNG pictures, read back like any user's dataset. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Row } from "@papo/core";
import { encodePng } from "./draw.ts";
import { makeExample, sharedSprites, type Example, type ExampleOptions } from "./examples.ts";

/** Which rows are written. */
export interface RowRange {
  /** Number of rows. */
  readonly count: number;
  /** Index of the first row; default 0. */
  readonly start?: number;
  /** Called after each batch of pictures. */
  readonly onProgress?: (done: number, count: number) => void;
}

export interface DatasetOptions extends ExampleOptions, RowRange {}

const picturesAtOnce = 32;

/**
 * Write `rows.jsonl` and `pictures/*.png` into a folder and return the path of rows.jsonl, for `openJsonl`. Extra
 * columns: kind, visionDependent, facts, reasoning, scene (see truth.ts). The rows file is written last, so that it
 * never names a missing picture.
 */
export async function writeDataset(folder: string, options: DatasetOptions): Promise<string> {
  const sprites = await sharedSprites();
  return writeExamples(folder, (index) => makeExample(index, options, sprites), options);
}

/** The same of examples that are made otherwise. */
export async function writeExamples(
  folder: string,
  make: (index: number) => Example,
  { count, start = 0, onProgress }: RowRange,
): Promise<string> {
  await mkdir(join(folder, "pictures"), { recursive: true });
  const lines: string[] = [];
  for (let done = 0; done < count; done += picturesAtOnce) {
    const size = Math.min(picturesAtOnce, count - done);
    const examples = Array.from({ length: size }, (_, offset) => make(start + done + offset));
    await Promise.all(
      examples.map(async ({ row, picture }) =>
        writeFile(join(folder, row.images[0] as string), await encodePng(picture)),
      ),
    );
    lines.push(...examples.map(({ row }) => JSON.stringify(lineOf(row))));
    onProgress?.(done + size, count);
  }
  const file = join(folder, "rows.jsonl");
  await writeFile(file, lines.map((line) => `${line}\n`).join(""));
  return file;
}

const lineOf = (row: Row): Record<string, unknown> => ({
  id: row.id,
  prompt: row.prompt,
  images: row.images,
  answer: row.answer,
  ...row.fields,
});
