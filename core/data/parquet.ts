/** Parquet files, alone or in the folder of a Hugging Face dataset: read a row group at a time, pictures inside or beside them. */
import { basename, resolve } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parseOptions } from "../host/options.ts";
import { blockDataset, blocksSchema, checkColumns, dataFiles, type Block, type BlocksOptions, type Records } from "./blocks.ts";
import type { Dataset } from "./dataset.ts";

interface OpenFile {
  readonly path: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
}

/** Open a Parquet file, or a folder of them. Only the ends of the files are read at first. @throws Error naming the file that is no Parquet, or lacks a column */
export async function openParquet(path: string, options: BlocksOptions = {}): Promise<Dataset> {
  const { columns, split, heldBytes } = parseOptions("openParquet", blocksSchema, options);
  const blocks: Block[] = [];
  for (const one of dataFiles(resolve(path), split, ".parquet")) {
    const file = await openFile(one);
    checkColumns(one, parquetSchema(file.metadata).children.map(({ element }) => element.name), columns);
    let first = 0;
    for (const part of file.metadata.row_groups.flatMap((group) => partsOf(group, heldBytes))) {
      const begin = first;
      blocks.push({ path: one, first, ...part, read: () => readRows(file, begin, part.rows) });
      first += part.rows;
    }
  }
  return blockDataset(basename(path), blocks, heldBytes, columns);
}

/** A row group; one that is larger than a quarter of what may be held in parts, where an index says which pages hold which rows. */
function partsOf({ num_rows, total_byte_size, columns }: FileMetaData["row_groups"][number], heldBytes: number): { readonly rows: number; readonly bytes: number }[] {
  const [rows, bytes] = [Number(num_rows), Number(total_byte_size)];
  const indexed = columns.every(({ offset_index_offset, meta_data }) => offset_index_offset !== undefined || Number(meta_data?.total_uncompressed_size ?? Infinity) < smallColumn);
  const parts = indexed && bytes > smallColumn ? Math.min(rows, Math.ceil((4 * bytes) / heldBytes)) : 1;
  const each = Math.ceil(rows / Math.max(1, parts));
  return Array.from({ length: rows === 0 ? 0 : Math.ceil(rows / each) }, (_, part) => ({ rows: Math.min(each, rows - part * each), bytes: bytes / parts }));
}

/** Bytes of a column that may be read again for each part of a row group. */
const smallColumn = 4 * 2 ** 20;

async function openFile(path: string): Promise<OpenFile> {
  try {
    const buffer = await asyncBufferFromFile(path);
    return { path, buffer, metadata: await parquetMetadataAsync(buffer) };
  } catch (error) {
    throw new Error(`The dataset ${path} cannot be read as Parquet: ${(error as Error).message}`, { cause: error });
  }
}

async function readRows({ path, buffer, metadata }: OpenFile, first: number, rows: number): Promise<Records> {
  try {
    // Bytes stay bytes unless the file says that they are text.
    return await parquetReadObjects({ file: buffer, metadata, rowStart: first, rowEnd: first + rows, compressors, utf8: false, useOffsetIndex: true });
  } catch (error) {
    throw new Error(`rows ${first} to ${first + rows - 1} of ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
