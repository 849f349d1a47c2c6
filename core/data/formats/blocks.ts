/** Datasets that are read a block of rows at a time: row groups of Parquet files, record batches of Arrow files. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { permutation, type Random } from "../../math/random.ts";
import type { Row } from "../../contracts/step/row.ts";
import { UnusableRowError } from "../../contracts/step/unusable-row.ts";
import type { Dataset } from "../dataset.ts";
import { causeOf } from "../../messages/shown.ts";
import { reading } from "../reader/place.ts";
import { Remembered } from "../remembered.ts";
import {
  checkMapped,
  ColumnFinder,
  columnNames,
  columnsSchema,
  knownColumns,
  mappingHint,
  valueAt,
  type Columns,
} from "../rows/columns.ts";
import { isVideoName, pictureQuestion, pictureValues, videoQuestion } from "../rows/pictures.ts";
import { rowOf } from "../rows/row.ts";

export const blocksSchema = z.strictObject({
  /**
   * Which column of the files holds what; pictures are bytes, { bytes, path } as Hugging Face writes them, or paths
   * relative to the file.
   */
  columns: columnsSchema,
  /**
   * Of a folder: the files whose names, or folders' names, begin with this. null: "train" where there are such files,
   * else all.
   */
  split: z.string().nullable().default(null),
  /** Bytes of blocks, uncompressed, that a shuffle mixes and that stay in memory. */
  heldBytes: z
    .int()
    .positive()
    .default(96 * 2 ** 20),
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

/** What a shuffle needs to know of a dataset that is read in blocks. */
export interface BlockOrder {
  /** Of each block. */
  readonly rows: readonly number[];
  /** Blocks whose rows are dealt together. */
  readonly held: number;
}

/** A dataset whose rows come with those around them. */
export interface BlockDataset extends Dataset {
  readonly blocks: BlockOrder;
}

/**
 * The files of a dataset's folder with an extension, in the order of their names; or the file itself.
 * @throws Error when there are none
 */
export function dataFiles(path: string, split: string | null, extension: ".parquet" | ".arrow"): string[] {
  if (!existsSync(path)) throw new Error(`The dataset ${path} does not exist`);
  if (statSync(path).isFile()) return [path];
  const hidden = (name: string): boolean =>
    name.split(/[\\/]/).some((part) => part.startsWith(".")) || basename(name).startsWith("cache-");
  const all = readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension) && !hidden(name))
    .sort();
  if (all.length === 0) throw new Error(`The dataset folder ${path} holds no ${extension} file`);
  const begins = (name: string, wanted: string): boolean =>
    basename(name).startsWith(wanted) || dirname(name).split(/[\\/]/).includes(wanted);
  const own = all.filter((name) => begins(name, split ?? "train"));
  if (own.length === 0 && split !== null)
    throw new Error(
      `The dataset folder ${path} has no files of the split "${split}"; there are ${all.slice(0, 6).join(", ")}`,
    );
  return (own.length > 0 ? own : all).map((name) => join(path, name));
}

/**
 * What a file's schema says: by name, whether a column holds bytes, pictures as Hugging Face has them, or something
 * else, whose columns inside are given.
 */
export interface ColumnsOfFile {
  readonly path: string;
  readonly columns: ReadonlyMap<string, ColumnKind>;
}

export type ColumnKind = "bytes" | "picture" | "other" | ReadonlyMap<string, ColumnKind>;

/** What can be known before a row is read; @throws Error naming the columns that a file lacks, or asking for one */
function checkColumns({ path, columns: found }: ColumnsOfFile, finder: ColumnFinder): void {
  const { columns } = finder;
  const names = [...found.keys()];
  const outline = outlineOf(found);
  const has = (column: string): boolean => valueAt(outline, column) !== undefined;
  checkMapped(basename(path), has, names, columns);
  const listed = knownColumns.prompt.some((column) => column !== "prompt" && has(column)) || has("prompt");
  if (columns.prompt === undefined && !listed)
    throw new Error(
      `${basename(path)} has no column "prompt" (the prompt); columns found: ${columnNames(names)}; ${mappingHint("prompt")}`,
    );
  // A list of messages may hold its answer and its pictures itself.
  const plainPrompt =
    !(has("messages") || has("conversations") || has("conversation")) &&
    (columns.prompt !== undefined || found.get("prompt") === "other");
  if (columns.answer === undefined && plainPrompt && !knownColumns.answer.some(has))
    throw new Error(
      `${basename(path)} has no column "answer" (the answer); columns found: ${columnNames(names)}; ${mappingHint("answer")}`,
    );
  const layout = finder.layoutOf(outline);
  if (columns.images === undefined && !knownColumns.images.some(has))
    askAbout(new Map(layout.others.map((name) => [name, found.get(name)!])));
  for (const column of pictureValues(outline, layout, columns.images !== undefined).columns)
    finder.tookPictures(column);
}

/** A record whose values stand for those of the file. */
const outlineOf = (found: ReadonlyMap<string, ColumnKind>): Record<string, unknown> =>
  Object.fromEntries([...found].map(([name, kind]) => [name, typeof kind === "string" ? "." : outlineOf(kind)]));

function askAbout(found: ReadonlyMap<string, ColumnKind>, outer = ""): void {
  for (const [name, kind] of found) {
    if (typeof kind !== "string") askAbout(kind, `${outer}${name}.`);
    else if (kind !== "other")
      throw new Error(isVideoName(name) ? videoQuestion(`${outer}${name}`) : pictureQuestion(`${outer}${name}`));
  }
}

/**
 * Rows come with their block, and the blocks used last stay in memory. Rows without an id are named by file and place.
 * A row that cannot be used is an error when it is read, which the setting `onBadRow` may leave out.
 */
export function blockDataset(
  name: string,
  { blocks, files }: { readonly blocks: readonly Block[]; readonly files: readonly ColumnsOfFile[] },
  heldBytes: number,
  columns: Columns,
): BlockDataset {
  const finder = new ColumnFinder(columns);
  for (const file of files) checkColumns(file, finder);
  const { starts, size } = placesOf(blocks.map(({ rows }) => rows));
  const held = Math.max(1, Math.floor(heldBytes / Math.max(1, ...blocks.map(({ bytes }) => bytes))));
  const read = new Remembered<Block, Records>(held + 1);
  const order = { rows: blocks.map(({ rows }) => rows), held };
  return {
    name,
    size,
    skipped: [],
    get notes() {
      return finder.notes;
    },
    blocks: order,
    shuffle: (random) => shuffleBlocks(order, random),
    row: async (index) => {
      const at = blockOf(starts, index);
      const block = blocks[at];
      if (block === undefined || index < 0 || index >= size)
        throw new Error(`Dataset "${name}" has ${size} rows, no row ${index}`);
      const place = index - starts[at]!;
      const records = await read
        .get(block, () => {
          reading(`${basename(block.path)}, rows ${block.first} to ${block.first + block.rows - 1}`);
          return block.read();
        })
        .catch((error: unknown) => {
          throw new UnusableRowError("bad", (error as Error).message, { cause: error });
        });
      const record = records[place];
      if (record === undefined)
        throw new UnusableRowError(
          "bad",
          `Row ${basename(block.path)}:${place + block.first} is missing: ${records.length} of ${block.rows} rows are where the file says that they are`,
        );
      return readRow(record, block.path, place + block.first, finder);
    },
  };
}

/** Where each block's rows begin, and how many rows there are. */
export function placesOf(rows: readonly number[]): { readonly starts: readonly number[]; readonly size: number } {
  const starts: number[] = [];
  let size = 0;
  for (const count of rows) {
    starts.push(size);
    size += count;
  }
  return { starts, size };
}

/** Blocks in random order, and the rows of as many as may be held dealt together. */
export function shuffleBlocks({ rows: counts, held }: BlockOrder, random: Random): Int32Array {
  const { starts } = placesOf(counts);
  const shuffled = permutation(random.key("blocks"), counts.length);
  const order: number[] = [];
  for (let first = 0; first < shuffled.length; first += held) {
    const rows = [...shuffled.subarray(first, first + held)].flatMap((block) =>
      Array.from({ length: counts[block]! }, (_, index) => starts[block]! + index),
    );
    for (const index of permutation(random.key("rows", first), rows.length)) order.push(rows[index]!);
  }
  return Int32Array.from(order);
}

/** Index of the last start that is not after `row`. */
export function blockOf(starts: readonly number[], row: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= row) low = middle;
    else high = middle;
  }
  return low;
}

/** All rows of a block, that damage in it takes. */
export function unreadableRows(path: string, first: number, rows: number, error: unknown): Error {
  const cause = causeOf(error, "their bytes are damaged or cut short");
  return new Error(`rows ${first} to ${first + rows - 1} of ${path} cannot be read: ${cause}`, { cause: error });
}

function readRow(record: Readonly<Record<string, unknown>>, path: string, index: number, finder: ColumnFinder): Row {
  const name = `${basename(path)}:${index}`;
  try {
    return rowOf(record, finder, { id: name, name, folder: dirname(path), absent });
  } catch (error) {
    throw new UnusableRowError("bad", `Row ${name} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

const absent =
  "the file holds paths of its pictures, not the pictures: paths are relative to the file; Hugging Face datasets puts pictures inside with save_to_disk and push_to_hub, not with to_parquet";
