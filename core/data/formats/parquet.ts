/**
 * Parquet files, alone or in the folder of a Hugging Face dataset: read a row group at a time, pictures inside or
 * beside them.
 */
import { basename, resolve } from "node:path";
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parseOptions } from "../../options/options.ts";
import { causeOf } from "../../messages/shown.ts";
import { reading } from "../reader/place.ts";
import { timestampText } from "../values/times.ts";
import {
  blockDataset,
  blocksSchema,
  dataFiles,
  type Block,
  type BlockDataset,
  type BlocksOptions,
  type ColumnsOfFile,
  type Records,
  unreadableRows,
} from "./blocks.ts";
import { asStored, converters, kindOf } from "./parquet-values.ts";

interface OpenFile {
  readonly path: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  /** The same, values as they are stored, and what makes rows' values of them. */
  readonly stored: FileMetaData;
  readonly convert: ReturnType<typeof converters>;
}

/**
 * Open a Parquet file, or a folder of them. Only the ends of the files are read at first.
 * @throws Error naming the file that is no Parquet, or lacks a column
 */
export async function openParquet(path: string, options: BlocksOptions = {}): Promise<BlockDataset> {
  const { columns, split, heldBytes } = parseOptions("openParquet", blocksSchema, options);
  const [blocks, files]: [Block[], ColumnsOfFile[]] = [[], []];
  for (const one of dataFiles(resolve(path), split, ".parquet")) {
    reading(basename(one));
    const file = await openFile(one);
    files.push({
      path: one,
      columns: new Map(parquetSchema(file.metadata).children.map((column) => [column.element.name, kindOf(column)])),
    });
    let first = 0;
    for (const part of file.metadata.row_groups.flatMap((group) => partsOf(group, heldBytes))) {
      const begin = first;
      blocks.push({ path: one, first, ...part, read: () => readRows(file, begin, part.rows) });
      first += part.rows;
    }
  }
  return blockDataset(basename(path), { blocks, files }, heldBytes, columns);
}

/**
 * A row group; one that is larger than a quarter of what may be held in parts, where an index says which pages hold
 * which rows.
 */
function partsOf(
  { num_rows, total_byte_size, columns }: FileMetaData["row_groups"][number],
  heldBytes: number,
): { readonly rows: number; readonly bytes: number }[] {
  const [rows, bytes] = [Number(num_rows), Number(total_byte_size)];
  const indexed = columns.every(
    ({ offset_index_offset, meta_data }) =>
      offset_index_offset !== undefined || Number(meta_data?.total_uncompressed_size ?? Infinity) < smallColumn,
  );
  const parts = indexed && bytes > smallColumn ? Math.min(rows, Math.ceil((4 * bytes) / heldBytes)) : 1;
  const each = Math.ceil(rows / Math.max(1, parts));
  return Array.from({ length: rows === 0 ? 0 : Math.ceil(rows / each) }, (_, part) => ({
    rows: Math.min(each, rows - part * each),
    bytes: bytes / parts,
  }));
}

/** Bytes of a column that may be read again for each part of a row group. */
const smallColumn = 4 * 2 ** 20;

async function openFile(path: string): Promise<OpenFile> {
  try {
    const buffer = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(buffer);
    return { path, buffer, metadata, stored: asStored(metadata), convert: converters(metadata) };
  } catch (error) {
    throw new Error(`The dataset ${path} cannot be read as Parquet: ${causeOf(error, "it is damaged or cut short")}`, {
      cause: error,
    });
  }
}

/** hyparquet-compressors 1.1.2 fails on an LZ4 page without bytes, which pyarrow writes for a column without values. */
const decompressors = {
  ...compressors,
  LZ4: (input: Uint8Array, length: number) => (length === 0 ? new Uint8Array() : compressors.LZ4!(input, length)),
  LZ4_RAW: (input: Uint8Array, length: number) =>
    length === 0 ? new Uint8Array() : compressors.LZ4_RAW!(input, length),
};

/** The one kind of time that its schema does not name, an old one of 96 bits. */
const parsers = { timestampFromNanoseconds: (value: bigint) => timestampText(value, "ns", false) };

async function readRows({ path, buffer, stored, convert }: OpenFile, first: number, rows: number): Promise<Records> {
  try {
    // Bytes stay bytes unless the file says that they are text.
    const records = await parquetReadObjects({
      file: buffer,
      metadata: stored,
      rowStart: first,
      rowEnd: first + rows,
      compressors: decompressors,
      parsers: parsers as never,
      utf8: false,
      useOffsetIndex: true,
    });
    for (const record of records) for (const [column, own] of convert) record[column] = own(record[column]);
    return records;
  } catch (error) {
    throw unreadableRows(path, first, rows, error);
  }
}
