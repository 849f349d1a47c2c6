/** Parquet files, alone or in the folder of a Hugging Face dataset: read a row group at a time, pictures inside or beside them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { z } from "zod";
import { parseOptions } from "../host/options.ts";
import { permutation, type Random } from "../math/random.ts";
import type { PictureSource, Row } from "../pipeline/batch.ts";
import { UnusableRowError } from "../prompts/prompts.ts";
import { columnsSchema, pictureValues, rowOf, type Columns } from "./columns.ts";
import type { Dataset } from "./dataset.ts";

const parquetSchemaOptions = z.strictObject({
  /** Which column of the files holds what; pictures are bytes, { bytes, path } as Hugging Face writes them, or paths relative to the file. */
  columns: columnsSchema,
  /** Of a folder: the files whose names begin with this. null: "train" where there are such files, else all. */
  split: z.string().nullable().default(null),
  /** Bytes of row groups, uncompressed, that a shuffle mixes and that stay in memory. */
  heldBytes: z.int().positive().default(96 * 2 ** 20),
});

export type ParquetOptions = z.input<typeof parquetSchemaOptions>;

/** A row group or a part of one: rows that are read together. */
interface Block {
  readonly file: OpenFile;
  /** First row in its file, and in the dataset. */
  readonly first: number;
  readonly start: number;
  readonly rows: number;
}

interface OpenFile {
  readonly path: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
}

/**
 * Open a Parquet file, or a folder of them. Only the ends of the files are read at first; rows come with their row group, and the groups used last stay in memory.
 * Rows without an id are named by file and place. A row that cannot be used is an error when it is read, which the setting `onBadRow` may leave out.
 * @throws Error naming the file that is no Parquet, or lacks a column
 */
export async function openParquet(path: string, options: ParquetOptions = {}): Promise<Dataset> {
  const { columns, split, heldBytes } = parseOptions("openParquet", parquetSchemaOptions, options);
  const paths = filesOf(resolve(path), split);
  const blocks: Block[] = [];
  let size = 0;
  let largest = 1;
  for (const one of paths) {
    const file = await openFile(one, columns);
    let first = 0;
    for (const { rows, bytes } of file.metadata.row_groups.flatMap((group) => partsOf(group, heldBytes))) {
      blocks.push({ file, first, start: size, rows });
      largest = Math.max(largest, bytes);
      [first, size] = [first + rows, size + rows];
    }
  }
  const held = Math.max(1, Math.floor(heldBytes / largest));
  const cache = new BlockCache(held + 1);
  const starts = blocks.map(({ start }) => start);
  return {
    name: basename(path),
    size,
    skipped: [],
    shuffle: (random) => shuffleBlocks(blocks, held, random),
    row: async (index) => {
      const block = blocks[blockOf(starts, index)];
      if (block === undefined || index < 0 || index >= size) throw new Error(`Dataset "${basename(path)}" has ${size} rows, no row ${index}`);
      const record = (await cache.rows(block))[index - block.start]!;
      return readRow(record, block, index - block.start + block.first, columns);
    },
  };
}

/** Row groups in random order, and the rows of as many as may be held dealt together. */
function shuffleBlocks(blocks: readonly Block[], held: number, random: Random): Int32Array {
  const shuffled = permutation(random.key("blocks"), blocks.length);
  const order: number[] = [];
  for (let first = 0; first < shuffled.length; first += held) {
    const rows = [...shuffled.subarray(first, first + held)].map((block) => blocks[block]!).flatMap(({ start, rows: count }) => Array.from({ length: count }, (_, index) => start + index));
    for (const index of permutation(random.key("rows", first), rows.length)) order.push(rows[index]!);
  }
  return Int32Array.from(order);
}

/** A row group; one that is larger than a quarter of what may be held in parts, where an index says which pages hold which rows. */
function partsOf({ num_rows, total_byte_size, columns }: FileMetaData["row_groups"][number], heldBytes: number): { readonly rows: number; readonly bytes: number }[] {
  const [rows, bytes] = [Number(num_rows), Number(total_byte_size)];
  const indexed = columns.every(({ offset_index_offset, meta_data }) => offset_index_offset !== undefined || Number(meta_data?.total_uncompressed_size ?? Infinity) < smallColumn);
  const parts = indexed && bytes > smallColumn ? Math.min(rows, Math.ceil((4 * bytes) / heldBytes)) : 1;
  const each = Math.ceil(rows / Math.max(1, parts));
  return Array.from({ length: rows === 0 ? 0 : Math.ceil(rows / each) }, (_, part) => ({ rows: Math.min(each, rows - part * each), bytes: bytes / parts }));
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

function filesOf(path: string, split: string | null): string[] {
  if (!existsSync(path)) throw new Error(`The dataset ${path} does not exist`);
  if (statSync(path).isFile()) return [path];
  const files = readdirSync(path, { recursive: true, encoding: "utf8" });
  const all = files.filter((name) => name.endsWith(".parquet") && !name.split(/[\\/]/).some((part) => part.startsWith("."))).sort();
  if (all.length === 0) {
    const arrow = files.some((name) => name.endsWith(".arrow"));
    throw new Error(`The dataset folder ${path} holds no .parquet file${arrow ? "; it was written by save_to_disk: write it with to_parquet instead" : ""}`);
  }
  const begins = (name: string, wanted: string): boolean => basename(name).startsWith(wanted) || dirname(name).split(/[\\/]/).includes(wanted);
  const wanted = split ?? "train";
  const own = all.filter((name) => begins(name, wanted));
  if (own.length === 0 && split !== null) throw new Error(`The dataset folder ${path} has no files of the split "${split}"; there are ${all.slice(0, 6).join(", ")}`);
  return (own.length > 0 ? own : all).map((name) => join(path, name));
}

async function openFile(path: string, columns: Columns): Promise<OpenFile> {
  let buffer: AsyncBuffer;
  let metadata: FileMetaData;
  try {
    buffer = await asyncBufferFromFile(path);
    metadata = await parquetMetadataAsync(buffer);
  } catch (error) {
    throw new Error(`The dataset ${path} cannot be read as Parquet: ${(error as Error).message}`, { cause: error });
  }
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  for (const purpose of ["prompt", "answer"] as const) {
    if (!names.includes(columns[purpose])) throw new Error(`${basename(path)} has no column "${columns[purpose]}" (the ${purpose}); columns found: ${names.join(", ")}; another column is named by columns: { ${purpose}: "…" }`);
  }
  return { path, buffer, metadata };
}

/** Bytes of a column that may be read again for each part of a row group. */
const smallColumn = 4 * 2 ** 20;

type Records = readonly Readonly<Record<string, unknown>>[];

/** Row groups in memory: those used last. */
class BlockCache {
  readonly #limit: number;
  readonly #blocks = new Map<Block, Promise<Records>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  rows(block: Block): Promise<Records> {
    const rows = this.#blocks.get(block) ?? readBlock(block);
    this.#blocks.delete(block);
    this.#blocks.set(block, rows);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= this.#limit) break;
      this.#blocks.delete(oldest);
    }
    return rows;
  }
}

async function readBlock({ file: { path, buffer, metadata }, first, rows }: Block): Promise<Records> {
  try {
    // Bytes stay bytes unless the file says that they are text.
    return await parquetReadObjects({ file: buffer, metadata, rowStart: first, rowEnd: first + rows, compressors, utf8: false, useOffsetIndex: true });
  } catch (error) {
    throw new Error(`rows ${first} to ${first + rows - 1} of ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function readRow(record: Readonly<Record<string, unknown>>, { file }: Block, index: number, columns: Columns): Row {
  const place = `${basename(file.path)}:${index}`;
  const folder = dirname(file.path);
  try {
    return rowOf(record, columns, { id: place, images: pictureValues(record, columns).map((item, picture) => pictureOf(item, `${place}, picture ${picture}`, folder, columns.images)), folder });
  } catch (error) {
    throw new UnusableRowError("bad", `Row ${place} cannot be used: ${(error as Error).message}`, { cause: error });
  }
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
