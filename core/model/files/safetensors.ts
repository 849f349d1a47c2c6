/** Reading safetensors, one file or several with an index, tensor by tensor: a file's bytes are never held twice. */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { widenBfloat16, widenFloat16 } from "./float-formats.ts";
import { readModelText } from "./json.ts";
import { parseUniqueKeys, readSafetensorsHeader } from "./safetensors-header.ts";
import type { SafetensorsHeader, TensorEntry, TensorType } from "./safetensors-header.ts";
import { quoted } from "../../messages/shown.ts";

export type { SafetensorsHeader, TensorEntry, TensorType } from "./safetensors-header.ts";
export { readSafetensorsHeader } from "./safetensors-header.ts";

export type TensorArray =
  Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/**
 * A tensor in memory, row-major. `type` is the one on disk: F16 and BF16 arrive as Float32Array, I64 and U64 as
 * Float64Array.
 */
export interface StoredTensor {
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly data: TensorArray;
}

const chunkBytes = 1 << 26;

/**
 * Read one tensor. F16 and BF16 are widened to float32, 64-bit integers become float64; 8-bit floats come as their
 * bytes.
 * @throws Error when the file ends early, or a 64-bit integer is beyond ±2^53.
 */
export async function readTensor(entry: TensorEntry): Promise<StoredTensor> {
  const handle = await open(entry.file, "r");
  try {
    return { type: entry.type, shape: entry.shape, data: await readData(handle, entry) };
  } finally {
    await handle.close();
  }
}

/**
 * Read one tensor of type F32, F16 or BF16 as float32.
 * @throws Error for every other type: a quantised or integer tensor is not a weight that can be trained.
 */
export async function readFloats(entry: TensorEntry): Promise<Float32Array> {
  checkFloats(entry);
  return (await readTensor(entry)).data as Float32Array;
}

/** @throws Error for a type that no trainable weight has */
export function checkFloats(entry: TensorEntry): void {
  if (entry.type !== "F32" && entry.type !== "F16" && entry.type !== "BF16") {
    throw new Error(
      `tensor "${quoted(entry.name)}" in ${entry.file} has the type ${quoted(entry.type)}; weights must be F32, F16 or BF16`,
    );
  }
}

/** Read a whole file: every tensor by name. */
export async function readSafetensors(file: string): Promise<Map<string, StoredTensor>> {
  const { entries } = await readSafetensorsHeader(file);
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries.values()) tensors.set(entry.name, await readTensor(entry));
  return tensors;
}

/**
 * The tensors of a model folder: those of `model.safetensors`, or of the files that `model.safetensors.index.json`
 * lists.
 * @throws Error when there is neither, a listed file is missing or lies outside the folder, or index and files
 * disagree.
 */
export async function readFolderEntries(folder: string): Promise<Map<string, TensorEntry>> {
  const single = join(folder, "model.safetensors");
  if (existsSync(single)) return new Map((await readSafetensorsHeader(single)).entries);
  const index = join(folder, "model.safetensors.index.json");
  if (!existsSync(index))
    throw new Error(
      `${folder} holds neither model.safetensors nor model.safetensors.index.json: is it a model folder?`,
    );
  return readIndexedEntries(folder, index);
}

async function readIndexedEntries(folder: string, index: string): Promise<Map<string, TensorEntry>> {
  const { weight_map: map } = parseUniqueKeys(await readModelText(index), index);
  if (typeof map !== "object" || map === null) throw new Error(`${index} has no "weight_map"`);
  const headers = new Map<string, SafetensorsHeader>();
  for (const shard of new Set(Object.values(map) as unknown[]))
    headers.set(String(shard), await readShardHeader(folder, index, shard));
  const entries = new Map<string, TensorEntry>();
  for (const [name, shard] of Object.entries(map as Record<string, string>)) {
    const entry = headers.get(shard)!.entries.get(name);
    if (entry === undefined)
      throw new Error(`${index} says that "${quoted(name)}" is in ${quoted(shard)}, and it is not`);
    entries.set(name, entry);
  }
  for (const { file, entries: held } of headers.values()) {
    for (const name of held.keys())
      if (!entries.has(name)) throw new Error(`${file} holds "${quoted(name)}", which ${index} does not list`);
  }
  return entries;
}

async function readShardHeader(folder: string, index: string, shard: unknown): Promise<SafetensorsHeader> {
  if (typeof shard !== "string" || !/^[\w.-]+\.safetensors$/.test(shard)) {
    throw new Error(
      `${index} names the file ${JSON.stringify(shard)}: a name ending in .safetensors, without folders, is expected`,
    );
  }
  const file = join(folder, shard);
  if (!existsSync(file))
    throw new Error(`${index} names ${shard}, which is missing from ${folder}: fetch it or remove the folder`);
  return readSafetensorsHeader(file);
}

/** The tensor's values as 32-bit integers. @throws Error when a value does not fit. */
export function toInt32({ type, shape, data }: StoredTensor): Int32Array {
  const out = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    out[i] = value;
    if (out[i] !== value)
      throw new Error(`value ${value} at ${i} of a ${type} tensor of shape [${shape.join(", ")}] is no 32-bit integer`);
  }
  return out;
}

async function readData(handle: FileHandle, entry: TensorEntry): Promise<TensorArray> {
  const count = entry.shape.reduce((product, size) => product * size, 1);
  if (entry.type === "F16") return readHalf(handle, entry, count, widenFloat16);
  if (entry.type === "BF16") return readHalf(handle, entry, count, widenBfloat16);
  if (entry.type === "I64" || entry.type === "U64") return readLongs(handle, entry, count);
  const data = allocate(entry.type, count);
  await readInto(handle, entry, Buffer.from(data.buffer), entry.start);
  return data;
}

/** Half-precision values, widened a chunk at a time: the peak is the result and one chunk. */
async function readHalf(
  handle: FileHandle,
  entry: TensorEntry,
  count: number,
  widen: (bits: Uint16Array, out: Float32Array) => void,
): Promise<Float32Array> {
  const out = new Float32Array(count);
  const chunk = new Uint16Array(Math.min(count, chunkBytes / 2));
  for (let at = 0; at < count; at += chunk.length) {
    const bits = chunk.subarray(0, Math.min(chunk.length, count - at));
    await readInto(handle, entry, Buffer.from(bits.buffer, 0, bits.byteLength), entry.start + 2 * at);
    widen(bits, out.subarray(at, at + bits.length));
  }
  return out;
}

async function readLongs(handle: FileHandle, entry: TensorEntry, count: number): Promise<Float64Array> {
  const longs = entry.type === "I64" ? new BigInt64Array(count) : new BigUint64Array(count);
  await readInto(handle, entry, Buffer.from(longs.buffer), entry.start);
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    out[i] = Number(longs[i]!);
    if (!Number.isSafeInteger(out[i]))
      throw new Error(`value ${longs[i]} at ${i} of tensor "${entry.name}" in ${entry.file} is beyond 2^53`);
  }
  return out;
}

async function readInto(handle: FileHandle, entry: TensorEntry, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await handle.read(target, done, Math.min(chunkBytes, target.length - done), position + done);
    if (bytesRead === 0)
      throw new Error(`${entry.file} ended inside tensor "${entry.name}", at byte ${position + done}`);
    done += bytesRead;
  }
}

function allocate(type: Exclude<TensorType, "F16" | "BF16" | "I64" | "U64">, count: number): TensorArray {
  switch (type) {
    case "F32":
      return new Float32Array(count);
    case "F64":
      return new Float64Array(count);
    case "I32":
      return new Int32Array(count);
    case "U32":
      return new Uint32Array(count);
    case "I16":
      return new Int16Array(count);
    case "U16":
      return new Uint16Array(count);
    case "I8":
      return new Int8Array(count);
    case "U8":
    case "BOOL":
    case "F8_E4M3":
    case "F8_E5M2":
      return new Uint8Array(count);
  }
}
