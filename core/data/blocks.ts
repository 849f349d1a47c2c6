/** Datasets that are read a block of rows at a time: row groups of Parquet files, record batches of Arrow files. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { permutation, type Random } from "../math/random.ts";
import type { PictureSource, Row } from "../pipeline/batch.ts";
import { UnusableRowError } from "../prompts/prompts.ts";
import { columnsSchema, pictureValues, rowOf, type Columns } from "./columns.ts";
import type { Dataset } from "./dataset.ts";
import { Remembered } from "./remembered.ts";

export const blocksSchema = z.strictObject({
  /** Which column of the files holds what; pictures are bytes, { bytes, path } as Hugging Face writes them, or paths relative to the file. */
  columns: columnsSchema,
  /** Of a folder: the files whose names, or folders' names, begin with this. null: "train" where there are such files, else all. */
  split: z.string().nullable().default(null),
  /** Bytes of blocks, uncompressed, that a shuffle mixes and that stay in memory. */
  heldBytes: z.int().positive().default(96 * 2 ** 20),
});

export type BlocksOptions = z.input<typeof blocksSchema>;

export type Records = readonly Readonly<Record<string, unknown>>[];

/** Rows of a file that are read together. */
export interface Block {
  readonly path: string;
  /** First row in the file. */
  readonly first: number;
  readonly rows: number;
  /** In memory, about. */
  readonly bytes: number;
  read(): Promise<Records>;
}

/** The files of a dataset's folder with an extension, in the order of their names; or the file itself. @throws Error when there are none */
export function dataFiles(path: string, split: string | null, extension: ".parquet" | ".arrow"): string[] {
  if (!existsSync(path)) throw new Error(`The dataset ${path} does not exist`);
  if (statSync(path).isFile()) return [path];
  const hidden = (name: string): boolean => name.split(/[\\/]/).some((part) => part.startsWith(".")) || basename(name).startsWith("cache-");
  const all = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(extension) && !hidden(name)).sort();
  if (all.length === 0) throw new Error(`The dataset folder ${path} holds no ${extension} file`);
  const begins = (name: string, wanted: string): boolean => basename(name).startsWith(wanted) || dirname(name).split(/[\\/]/).includes(wanted);
  const own = all.filter((name) => begins(name, split ?? "train"));
  if (own.length === 0 && split !== null) throw new Error(`The dataset folder ${path} has no files of the split "${split}"; there are ${all.slice(0, 6).join(", ")}`);
  return (own.length > 0 ? own : all).map((name) => join(path, name));
}

/** @throws Error naming the columns that a file lacks */
export function checkColumns(path: string, names: readonly string[], columns: Columns): void {
  for (const purpose of ["prompt", "answer"] as const) {
    if (!names.includes(columns[purpose])) throw new Error(`${basename(path)} has no column "${columns[purpose]}" (the ${purpose}); columns found: ${names.join(", ")}; another column is named by columns: { ${purpose}: "…" }`);
  }
}

/**
 * Rows come with their block, and the blocks used last stay in memory. Rows without an id are named by file and place. A row that cannot be used is an error when it is read, which the setting
 * `onBadRow` may leave out.
 */
export function blockDataset(name: string, blocks: readonly Block[], heldBytes: number, columns: Columns): Dataset {
  const starts: number[] = [];
  let size = 0;
  for (const { rows } of blocks) {
    starts.push(size);
    size += rows;
  }
  const held = Math.max(1, Math.floor(heldBytes / Math.max(1, ...blocks.map(({ bytes }) => bytes))));
  const read = new Remembered<Block, Records>(held + 1);
  return {
    name,
    size,
    skipped: [],
    shuffle: (random) => shuffleBlocks(blocks, starts, held, random),
    row: async (index) => {
      const at = blockOf(starts, index);
      const block = blocks[at];
      if (block === undefined || index < 0 || index >= size) throw new Error(`Dataset "${name}" has ${size} rows, no row ${index}`);
      const place = index - starts[at]!;
      return readRow((await read.get(block, () => block.read()))[place]!, block.path, place + block.first, columns);
    },
  };
}

/** Blocks in random order, and the rows of as many as may be held dealt together. */
function shuffleBlocks(blocks: readonly Block[], starts: readonly number[], held: number, random: Random): Int32Array {
  const shuffled = permutation(random.key("blocks"), blocks.length);
  const order: number[] = [];
  for (let first = 0; first < shuffled.length; first += held) {
    const rows = [...shuffled.subarray(first, first + held)].flatMap((block) => Array.from({ length: blocks[block]!.rows }, (_, index) => starts[block]! + index));
    for (const index of permutation(random.key("rows", first), rows.length)) order.push(rows[index]!);
  }
  return Int32Array.from(order);
}

/** Index of the last start that is not after `row`. */
function blockOf(starts: readonly number[], row: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= row) low = middle;
    else high = middle;
  }
  return low;
}

function readRow(record: Readonly<Record<string, unknown>>, path: string, index: number, columns: Columns): Row {
  const place = `${basename(path)}:${index}`;
  const folder = dirname(path);
  try {
    const images = pictureValues(record, columns).map((item, picture) => pictureOf(item, `${place}, picture ${picture}`, folder, columns.images));
    const row = rowOf(record, columns, { id: place, images, folder });
    return { ...row, fields: plain(row.fields) as Row["fields"] };
  } catch (error) {
    throw new UnusableRowError("bad", `Row ${place} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/** Whole numbers of 64 bits as numbers, or as texts where a number cannot hold them: what JSON can write. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function pictureOf(item: unknown, name: string, folder: string, column: Columns["images"]): PictureSource {
  if (item instanceof Uint8Array) return { bytes: item, name };
  if (typeof item === "string") return resolve(folder, item);
  if (typeof item === "object" && item !== null) {
    const { bytes, path } = item as { bytes?: unknown; path?: unknown };
    if (bytes instanceof Uint8Array && bytes.length > 0) return { bytes, name: typeof path === "string" && path !== "" ? `${name} (${path})` : name };
    if (typeof path === "string" && path !== "") return resolve(folder, path);
  }
  throw new Error(`column "${String(column)}" (the pictures) must hold bytes, { bytes, path } or paths, found ${JSON.stringify(item).slice(0, 80)}`);
}
