/** Writing safetensors: one file, or several with an index. The same weights always give the same bytes. */
import { open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { roundToBfloat16, roundToFloat16 } from "./float-formats.ts";
import type { Weights } from "../model.ts";

/** The types that weights can be written in. */
export type WeightType = "F32" | "BF16" | "F16";

export interface WriteOptions {
  /** Type on disk; default F32. */
  readonly type?: WeightType;
}

export interface WriteShardsOptions extends WriteOptions {
  /** Begin another file when the data of one would exceed this; default 5e9. A larger tensor gets a file of its own. */
  readonly maxShardBytes?: number;
}

/**
 * Write tensors into one file, sorted by name, with `{"format": "pt"}` as metadata, the data aligned to 8 bytes.
 * The file appears whole or not at all: it is written beside its place and renamed.
 */
export async function writeSafetensors(file: string, weights: Weights, { type = "F32" }: WriteOptions = {}): Promise<void> {
  const names = [...weights.keys()].sort(compareNames);
  for (const name of names) checkTensor(name, weights);
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, "w");
  try {
    await handle.writeFile(header(names, weights, type));
    for (const name of names) {
      const data = encode(weights.get(name)!.data, type);
      await handle.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
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
export async function writeSafetensorsFolder(folder: string, weights: Weights, options: WriteShardsOptions = {}): Promise<string[]> {
  const { type = "F32", maxShardBytes = 5e9 } = options;
  const shards = split(weights, type, maxShardBytes);
  if (shards.length <= 1) {
    await writeSafetensors(join(folder, "model.safetensors"), weights, { type });
    return ["model.safetensors"];
  }
  const map: Record<string, string> = {};
  const files: string[] = [];
  for (const [i, names] of shards.entries()) {
    const shard = `model-${String(i + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.safetensors`;
    await writeSafetensors(join(folder, shard), new Map(names.map((name) => [name, weights.get(name)!])), { type });
    for (const name of names) map[name] = shard;
    files.push(shard);
  }
  const parameters = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  const index = { metadata: { total_parameters: parameters, total_size: parameters * bytesOf(type) }, weight_map: map };
  const path = join(folder, "model.safetensors.index.json");
  await writeFile(`${path}.${process.pid}.tmp`, JSON.stringify(index, null, 2) + "\n");
  await rename(`${path}.${process.pid}.tmp`, path);
  return [...files, "model.safetensors.index.json"];
}

function split(weights: Weights, type: WeightType, maxShardBytes: number): string[][] {
  const shards: string[][] = [];
  let bytes = Infinity;
  for (const name of [...weights.keys()].sort(compareNames)) {
    const size = weights.get(name)!.data.length * bytesOf(type);
    if (bytes + size > maxShardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(name);
    bytes += size;
  }
  return shards;
}

function header(names: readonly string[], weights: Weights, type: WeightType): Uint8Array {
  const described: [string, unknown][] = [["__metadata__", { format: "pt" }]];
  let offset = 0;
  for (const name of names) {
    const { shape, data } = weights.get(name)!;
    const end = offset + data.length * bytesOf(type);
    described.push([name, { dtype: type, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(described)));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, 8);
  return bytes;
}

function checkTensor(name: string, weights: Weights): void {
  const { shape, data } = weights.get(name)!;
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== data.length) {
    throw new Error(`cannot write "${name}": its shape [${shape.join(", ")}] holds ${count} values, its data ${data.length}`);
  }
  if (name === "__metadata__") throw new Error(`cannot write a tensor named "__metadata__": the format keeps that name for itself`);
}

function encode(data: Float32Array, type: WeightType): Float32Array | Uint16Array {
  if (type === "BF16") return roundToBfloat16(data);
  return type === "F16" ? roundToFloat16(data) : data;
}

function bytesOf(type: WeightType): number {
  return type === "F32" ? 4 : 2;
}

/** By code unit: independent of the machine's language. */
function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
