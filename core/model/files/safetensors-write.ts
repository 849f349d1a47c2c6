/**
 * Writing safetensors: one file, or several with an index, a stretch of one tensor at a time. The same weights always
 * give the same bytes.
 */
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../machine/atomic-file.ts";
import { bfloat16Remainder, roundToBfloat16, roundToBfloat16Down, roundToFloat16 } from "./float-formats.ts";

/** The types that weights can be written in. */
export type WeightType = "F32" | "BF16" | "F16";

/**
 * How values are written: as one of the types, or as two files that give float32 back to the bit, bfloat16 with ties
 * rounded towards zero ("HIGH") and what that leaves out, 16 bits ("LOW").
 */
export type WrittenAs = WeightType | "HIGH" | "LOW";

/**
 * Values to be written: here already, or read when their turn comes, whole or a part after the other, each in the
 * memory of the one before. Bytes stay bytes (U8).
 */
export type FloatSource = { readonly shape: readonly number[] } & (
  { readonly data: Float32Array | Uint8Array } | { read(): Promise<Float32Array> } | { parts(): Iterable<Float32Array> }
);
export type FloatSources = ReadonlyMap<string, FloatSource>;

export interface WriteOptions {
  /** How all tensors are written, or each by its name; default F32. */
  readonly type?: WrittenAs | ((name: string) => WrittenAs);
}

export interface WriteShardsOptions extends WriteOptions {
  /** Begin another file when the data of one would exceed this; default 5e9. A larger tensor gets a file of its own. */
  readonly maxShardBytes?: number;
}

/** Values that are rounded at a time. */
const stretch = 2 ** 22;

/**
 * Write tensors into one file, sorted by name, with `{"format": "pt"}` as metadata, the data aligned to 8 bytes. Of
 * what is not in memory one tensor is, or a part of one. The file appears whole or not at all: it is written beside its
 * place and renamed.
 */
export async function writeSafetensors(
  file: string,
  tensors: FloatSources,
  { type = "F32" }: WriteOptions = {},
): Promise<void> {
  const names = [...tensors.keys()].sort(compareNames);
  const typeOf = by(type, tensors);
  for (const name of names) checkTensor(name, tensors);
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, "w");
  try {
    await handle.writeFile(header(names, tensors, typeOf));
    for (const name of names) {
      for await (const values of stretchesOf(name, tensors)) {
        const data = encode(values, typeOf(name));
        await handle.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
    }
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Write `model.safetensors`, or numbered files with `model.safetensors.index.json` when one would be too large.
 * @returns the names of the files written, the index last.
 */
export async function writeSafetensorsFolder(
  folder: string,
  tensors: FloatSources,
  { type = "F32", maxShardBytes = 5e9 }: WriteShardsOptions = {},
): Promise<string[]> {
  const bytes = (name: string): number => sizeOf(name, tensors) * bytesOf(by(type, tensors)(name));
  const shards = split([...tensors.keys()].sort(compareNames), bytes, maxShardBytes);
  if (shards.length <= 1) {
    await writeSafetensors(join(folder, "model.safetensors"), tensors, { type });
    return ["model.safetensors"];
  }
  const map: Record<string, string> = {};
  const files: string[] = [];
  for (const [i, names] of shards.entries()) {
    const shard = `model-${String(i + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.safetensors`;
    await writeSafetensors(join(folder, shard), new Map(names.map((name) => [name, tensors.get(name)!])), { type });
    for (const name of names) map[name] = shard;
    files.push(shard);
  }
  const total = (size: (name: string) => number): number =>
    [...tensors.keys()].reduce((sum, name) => sum + size(name), 0);
  const index = {
    metadata: { total_parameters: total((name) => sizeOf(name, tensors)), total_size: total(bytes) },
    weight_map: map,
  };
  const path = join(folder, "model.safetensors.index.json");
  writeFileAtomic(path, JSON.stringify(index, null, 2) + "\n");
  return [...files, "model.safetensors.index.json"];
}

function split(names: readonly string[], bytesOf: (name: string) => number, maxShardBytes: number): string[][] {
  const shards: string[][] = [];
  let bytes = Infinity;
  for (const name of names) {
    const size = bytesOf(name);
    if (bytes + size > maxShardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(name);
    bytes += size;
  }
  return shards;
}

type WrittenType = WrittenAs | "U8";

const by =
  (type: NonNullable<WriteOptions["type"]>, tensors: FloatSources) =>
  (name: string): WrittenType => {
    const source = tensors.get(name)!;
    if ("data" in source && source.data instanceof Uint8Array) return "U8";
    return typeof type === "function" ? type(name) : type;
  };

const sizeOf = (name: string, tensors: FloatSources): number =>
  tensors.get(name)!.shape.reduce((product, size) => product * size, 1);

function header(names: readonly string[], tensors: FloatSources, typeOf: (name: string) => WrittenType): Uint8Array {
  const described: [string, unknown][] = [["__metadata__", { format: "pt" }]];
  let offset = 0;
  for (const name of names) {
    const type = typeOf(name);
    const end = offset + sizeOf(name, tensors) * bytesOf(type);
    described.push([
      name,
      {
        dtype: type === "HIGH" ? "BF16" : type === "LOW" ? "U16" : type,
        shape: tensors.get(name)!.shape,
        data_offsets: [offset, end],
      },
    ]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(described)));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, 8);
  return bytes;
}

function checkTensor(name: string, tensors: FloatSources): void {
  const source = tensors.get(name)!;
  if ("data" in source) checkValues(name, source.shape, source.data);
  if (name === "__metadata__")
    throw new Error(`cannot write a tensor named "__metadata__": the format keeps that name for itself`);
}

function checkValues<T extends Float32Array | Uint8Array>(name: string, shape: readonly number[], data: T): T {
  checkCount(name, shape, data.length);
  return data;
}

function checkCount(name: string, shape: readonly number[], found: number): void {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count === found) return;
  throw new Error(`cannot write "${name}": its shape [${shape.join(", ")}] holds ${count} values, its data ${found}`);
}

/** A tensor's values, as many at a time as are rounded at a time. @throws Error where they are not as many as it has */
async function* stretchesOf(name: string, tensors: FloatSources): AsyncGenerator<Float32Array | Uint8Array> {
  const source = tensors.get(name)!;
  let found = 0;
  const parts =
    "parts" in source
      ? source.parts()
      : ["data" in source ? source.data : checkValues(name, source.shape, await source.read())];
  for (const values of parts) {
    for (let start = 0; start < values.length; start += stretch) yield values.subarray(start, start + stretch);
    found += values.length;
  }
  checkCount(name, source.shape, found);
}

function encode(data: Float32Array | Uint8Array, type: WrittenType): Float32Array | Uint16Array | Uint8Array {
  if (data instanceof Uint8Array) return data;
  switch (type) {
    case "F32":
      return data;
    case "BF16":
      return roundToBfloat16(data);
    case "F16":
      return roundToFloat16(data);
    case "HIGH":
      return roundToBfloat16Down(data);
    case "LOW":
      return bfloat16Remainder(data);
    case "U8":
      throw new Error("floats are not written as bytes");
  }
}

function bytesOf(type: WrittenType): number {
  return type === "F32" ? 4 : type === "U8" ? 1 : 2;
}

/** By code unit: independent of the machine's language. */
function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
