/** The header of a safetensors file, checked before a byte of data is read: the file may be truncated or hostile. */
import type { FileHandle } from "node:fs/promises";
import { openRegularFile } from "../../machine/regular-file.ts";
import { show } from "../../options/options.ts";
import { quoted } from "../../messages/shown.ts";

/** Bytes of one element, by the type names of the format. */
const tensorTypes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;
export type TensorType = keyof typeof tensorTypes;

/** Where one tensor lies. */
export interface TensorEntry {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly file: string;
  /** First byte in the file, and the first one after. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly file: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of the data. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
}

/** The limit of the reference implementation: a larger header is an attack or not a header. */
const maxHeaderBytes = 100_000_000;

/**
 * Read and check the header of one safetensors file: types, shapes, and that the tensors cover the data exactly,
 * without overlap.
 * @throws Error naming the file and the values found.
 */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  const { handle, size } = await openToRead(file);
  try {
    const { text, dataStart } = await readHeaderText(handle, file, size);
    return parseHeader(text, file, dataStart, size);
  } finally {
    await handle.close();
  }
}

async function openToRead(file: string): ReturnType<typeof openRegularFile> {
  try {
    return await openRegularFile(file);
  } catch (cause) {
    throw new Error(`cannot open ${file}: ${(cause as Error).message}`, { cause });
  }
}

async function readHeaderText(
  handle: FileHandle,
  file: string,
  size: number,
): Promise<{ text: string; dataStart: number }> {
  if (size < 8) throw bad(file, `it has ${size} bytes, and the header's length alone takes 8`);
  const prefix = Buffer.alloc(8);
  await handle.read(prefix, 0, 8, 0);
  const length = prefix.readBigUInt64LE();
  if (length > BigInt(maxHeaderBytes))
    throw bad(file, `its header claims ${length} bytes, more than the ${maxHeaderBytes} allowed`);
  if (length > BigInt(size - 8)) {
    throw bad(
      file,
      `its header claims ${length} bytes, and only ${size - 8} follow: the file is truncated or of another format`,
    );
  }
  const bytes = Buffer.alloc(Number(length));
  await handle.read(bytes, 0, bytes.length, 8);
  return { text: bytes.toString("utf8"), dataStart: 8 + bytes.length };
}

function parseHeader(text: string, file: string, dataStart: number, size: number): SafetensorsHeader {
  const { __metadata__: metadata, ...tensors } = parseUniqueKeys(text, `the header of ${file}`);
  const entries: TensorEntry[] = [];
  for (const [name, description] of Object.entries(tensors))
    entries.push(parseEntry(name, description, file, dataStart));
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  checkCoverage(entries, file, dataStart, size);
  return {
    file,
    metadata: parseMetadata(metadata, file),
    entries: new Map(entries.map((entry) => [entry.name, entry])),
  };
}

/**
 * Parse a JSON object; a key given twice, which JSON.parse lets pass, is an error. `what` names the text in messages.
 */
export function parseUniqueKeys(text: string, what: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${what} is not JSON: ${quoted((cause as Error).message)}`, { cause });
  }
  if (!isObject(parsed)) throw new Error(`${what} is not a JSON object but ${JSON.stringify(parsed).slice(0, 60)}`);
  const duplicate = findDuplicateKey(text);
  if (duplicate !== null) throw new Error(`${what} gives "${quoted(duplicate)}" twice`);
  return parsed;
}

/** The first key that occurs twice in one object of a valid JSON text, or null. */
function findDuplicateKey(text: string): string | null {
  const objects: Set<string>[] = [];
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/g;
  for (const match of text.matchAll(tokens)) {
    if (match[0] === "{") objects.push(new Set());
    else if (match[0] === "}") objects.pop();
    else if (match[1] !== undefined) {
      const key = JSON.parse(match[0].slice(0, -match[1].length)) as string;
      const keys = objects.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return null;
}

function parseEntry(name: string, description: unknown, file: string, dataStart: number): TensorEntry {
  const who = `tensor "${name}"`;
  if (!isObject(description)) throw bad(file, `${who} is described by ${show(description)}, not by an object`);
  const { dtype, shape, data_offsets: offsets } = description;
  if (typeof dtype !== "string" || !Object.hasOwn(tensorTypes, dtype)) {
    throw bad(file, `${who} has the type ${show(dtype)}; known are ${Object.keys(tensorTypes).join(", ")}`);
  }
  if (!isSizes(shape)) throw bad(file, `${who} has the shape ${show(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) throw bad(file, `${who} has the offsets ${show(offsets)}`);
  const type = dtype as TensorType;
  const [start, end] = offsets as [number, number];
  const needed = shape.reduce((product, size) => product * size, tensorTypes[type]);
  if (end - start !== needed) {
    throw bad(
      file,
      `${who} of type ${type} and shape [${shape.join(", ")}] needs ${needed} bytes, its offsets ${start}–${end} hold ${end - start}`,
    );
  }
  return { name, type, shape, file, start: dataStart + start, end: dataStart + end };
}

function checkCoverage(entries: readonly TensorEntry[], file: string, dataStart: number, size: number): void {
  let covered = dataStart;
  let previous = "the header";
  for (const { name, start, end } of entries) {
    if (end > size)
      throw bad(
        file,
        `tensor "${name}" ends at byte ${end}, the file at ${size}: the file is truncated or its offsets are wrong`,
      );
    if (start < covered)
      throw bad(file, `tensor "${name}" starts at byte ${start}, inside "${previous}", which ends at ${covered}`);
    if (start > covered) throw bad(file, `bytes ${covered}–${start}, before tensor "${name}", belong to no tensor`);
    covered = end;
    previous = name;
  }
  if (covered !== size) throw bad(file, `${size - covered} bytes after the last tensor belong to no tensor`);
}

function parseMetadata(metadata: unknown, file: string): Record<string, string> {
  if (metadata === undefined) return {};
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw bad(file, `its __metadata__ must map names to text, and is ${JSON.stringify(metadata).slice(0, 60)}`);
  }
  return metadata as Record<string, string>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

function bad(file: string, what: string): Error {
  return new Error(`${file} is not a usable safetensors file: ${what}`);
}
