/** Arrow files as Hugging Face's save_to_disk writes them: streams of record batches, read a batch at a time. */
import { open, type FileHandle } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Message, tableFromIPC, Vector } from "apache-arrow";
import { parseOptions } from "../host/options.ts";
import { blockDataset, blocksSchema, checkColumns, dataFiles, type Block, type BlocksOptions, type Records } from "./blocks.ts";
import type { Dataset } from "./dataset.ts";

/** Open an .arrow file, or a folder that save_to_disk wrote. Only where each batch stands is read at first. @throws Error naming the file that is no Arrow stream, or lacks a column */
export async function openArrow(path: string, options: BlocksOptions = {}): Promise<Dataset> {
  const { columns, split, heldBytes } = parseOptions("openArrow", blocksSchema, options);
  const blocks: Block[] = [];
  for (const file of dataFiles(resolve(path), split, ".arrow")) {
    const { head, batches } = await indexOf(file);
    checkColumns(file, tableFromIPC(await readParts(file, head)).schema.names.map(String), columns);
    let first = 0;
    for (const batch of batches) {
      const begin = first;
      blocks.push({ path: file, first, rows: batch.rows, bytes: batch.length, read: () => readBatch(file, [...head, batch], { first: begin, rows: batch.rows }) });
      first += batch.rows;
    }
  }
  return blockDataset(basename(path), blocks, heldBytes, columns);
}

/** A message of the stream, in bytes. */
interface Part {
  readonly start: number;
  readonly length: number;
}

/** Marks a message; older streams begin with its length. */
const continuation = -1;

/** What every batch needs (schema and dictionaries), and the batches. */
async function indexOf(path: string): Promise<{ readonly head: readonly Part[]; readonly batches: readonly (Part & { readonly rows: number })[] }> {
  const [head, batches]: [Part[], (Part & { rows: number })[]] = [[], []];
  const file = await open(path);
  try {
    for (let start = 0; ; ) {
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
    throw new Error(`The dataset ${path} cannot be read as an Arrow stream: ${(error as Error).message}`, { cause: error });
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

async function readBatch(path: string, parts: readonly Part[], { first, rows }: { readonly first: number; readonly rows: number }): Promise<Records> {
  try {
    return recordsOf(await readParts(path, parts));
  } catch (error) {
    throw new Error(`rows ${first} to ${first + rows - 1} of ${path} cannot be read: ${(error as Error).message}`, { cause: error });
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
  const names = table.schema.names.map(String);
  const columns = names.map((name) => table.getChild(name));
  return Array.from({ length: table.numRows }, (_, row) => Object.fromEntries(names.map((name, column) => [name, plainOf(columns[column]?.get(row))])));
}

/** Lists and structs as arrays and objects; bytes as they are. */
function plainOf(value: unknown): unknown {
  if (value instanceof Vector) return Array.from(value, plainOf);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  const fields = (value as { toJSON?: () => unknown }).toJSON?.() ?? value;
  return typeof fields === "object" && fields !== null ? Object.fromEntries(Object.entries(fields).map(([name, inner]) => [name, plainOf(inner)])) : fields;
}
