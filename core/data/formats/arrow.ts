/**
 * Arrow files, read a batch at a time: streams as Hugging Face's save_to_disk writes them, and Arrow's file format
 * (Feather), which is a stream between two marks.
 */
import { open, type FileHandle } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { compressionRegistry, CompressionType, Message, tableFromIPC, type Field } from "apache-arrow";
import { decompressZstd } from "hyparquet-compressors";
import { parseOptions } from "../../options/options.ts";
import { causeOf } from "../../messages/shown.ts";
import { reading } from "../reader/place.ts";
import { kindOf, readerOf } from "./arrow-values.ts";
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
import { decompressLz4Frame } from "./lz4.ts";

compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: decompressLz4Frame });
// A copy: numbers are read where they stand, which must be at a multiple of their size.
compressionRegistry.set(CompressionType.ZSTD, { decode: (bytes) => decompressZstd(bytes).slice() });

/**
 * Open an .arrow or .feather file, or a folder that save_to_disk wrote. Only where each batch stands is read at first.
 * @throws Error naming the file that is no Arrow, or lacks a column
 */
export async function openArrow(path: string, options: BlocksOptions = {}): Promise<BlockDataset> {
  const { columns, split, heldBytes } = parseOptions("openArrow", blocksSchema, options);
  const [blocks, files]: [Block[], ColumnsOfFile[]] = [[], []];
  for (const file of dataFiles(resolve(path), split, ".arrow")) {
    reading(basename(file));
    const { head, batches } = await indexOf(file);
    const fields = await fieldsOf(file, head);
    files.push({ path: file, columns: new Map(fields.map((field) => [field.name, kindOf(field)])) });
    let first = 0;
    for (const batch of batches) {
      const begin = first;
      blocks.push({
        path: file,
        first,
        rows: batch.rows,
        bytes: batch.length,
        read: () => readBatch(file, [...head, batch], { first: begin, rows: batch.rows }),
      });
      first += batch.rows;
    }
  }
  return blockDataset(basename(path), { blocks, files }, heldBytes, columns);
}

/** @throws Error naming the file whose schema cannot be read */
async function fieldsOf(path: string, head: readonly Part[]): Promise<readonly Field[]> {
  try {
    return tableFromIPC(await readParts(path, head)).schema.fields;
  } catch (error) {
    throw new Error(`The dataset ${path} cannot be read as Arrow: ${causeOf(error, "its schema is damaged")}`, {
      cause: error,
    });
  }
}

/** A message of the stream, in bytes. */
interface Part {
  readonly start: number;
  readonly length: number;
}

/** Begins the file format; messages come after two bytes more. */
const fileMark = "ARROW1";
/** Marks a message; older streams begin with its length. */
const continuation = -1;

/** What every batch needs (schema and dictionaries), and the batches. */
async function indexOf(
  path: string,
): Promise<{ readonly head: readonly Part[]; readonly batches: readonly (Part & { readonly rows: number })[] }> {
  const [head, batches]: [Part[], (Part & { rows: number })[]] = [[], []];
  const file = await open(path);
  try {
    for (let start = (await readAt(file, 0, fileMark.length)).toString("latin1") === fileMark ? 8 : 0; ;) {
      const prefix = await readAt(file, start, 8);
      if (prefix.length < 4) break;
      const marked = prefix.readInt32LE(0) === continuation;
      const size = marked ? prefix.readInt32LE(4) : prefix.readInt32LE(0);
      if (size === 0) break;
      if (size < 0 || size > 1 << 28) throw new Error(`a message of ${size} bytes at byte ${start}`);
      const header = await readAt(file, start + (marked ? 8 : 4), size);
      const message = Message.decode(new Uint8Array(header));
      const part = { start, length: (marked ? 8 : 4) + size + Number(message.bodyLength) };
      if (message.isRecordBatch()) batches.push({ ...part, rows: Number(message.header().length) });
      else head.push(part);
      start += part.length;
    }
    if (head.length === 0) throw new Error("it has no schema");
  } catch (error) {
    throw new Error(`The dataset ${path} cannot be read as Arrow: ${causeOf(error, "it is damaged or cut short")}`, {
      cause: error,
    });
  } finally {
    await file.close();
  }
  return { head, batches };
}

async function readParts(path: string, parts: readonly Part[]): Promise<Buffer> {
  const file = await open(path);
  try {
    return Buffer.concat(await Promise.all(parts.map(({ start, length }) => readAt(file, start, length))));
  } finally {
    await file.close();
  }
}

async function readBatch(
  path: string,
  parts: readonly Part[],
  { first, rows }: { readonly first: number; readonly rows: number },
): Promise<Records> {
  try {
    return recordsOf(await readParts(path, parts));
  } catch (error) {
    throw unreadableRows(path, first, rows, error);
  }
}

/** As many bytes as there are. */
async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, start);
  return bytes.subarray(0, bytesRead);
}

function recordsOf(stream: Buffer): Records {
  const table = tableFromIPC(stream);
  const columns = table.schema.fields.map((field) => ({ name: field.name, read: readerOf(field) }));
  return table.batches.flatMap(({ data, numRows }) =>
    Array.from({ length: numRows }, (_, row) =>
      Object.fromEntries(columns.map(({ name, read }, column) => [name, read(data.children[column]!, row)])),
    ),
  );
}
