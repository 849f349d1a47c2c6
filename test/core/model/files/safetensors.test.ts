import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  readFloats,
  readFolderEntries,
  readSafetensors,
  readSafetensorsHeader,
  toInt32,
} from "../../../../core/model/files/safetensors.ts";
import { writeSafetensors, writeSafetensorsFolder } from "../../../../core/model/files/safetensors-write.ts";
import type { Weights } from "../../../../core/model/model.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "safetensors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const weights: Weights = new Map([
  ["b.weight", { shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-5, 0, 7, 1e10) }],
  ["a.bias", { shape: [3], data: Float32Array.of(0.1, 0.2, 0.3) }],
  ["scalar", { shape: [], data: Float32Array.of(42) }],
  ["empty", { shape: [0, 4], data: new Float32Array(0) }],
]);

/** A file with this header, written raw, and this many bytes of data. */
async function handMade(name: string, header: string, dataBytes: number, claimedLength?: bigint): Promise<string> {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(claimedLength ?? BigInt(Buffer.byteLength(header)));
  const file = join(folder, name);
  await writeFile(file, Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(dataBytes)]));
  return file;
}

const tensor = (shape: number[], offsets: number[], dtype = "F32") =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

describe("one file", () => {
  test("comes back as it was written, in F32", async () => {
    const file = join(folder, "plain.safetensors");
    await writeSafetensors(file, weights);
    const back = await readSafetensors(file);
    expect([...back.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [name, { shape, data }] of weights) expect(back.get(name)).toEqual({ type: "F32", shape, data });
    expect((await readSafetensorsHeader(file)).metadata).toEqual({ format: "pt" });
  });

  test("has the same bytes whatever the order of the map, aligned data, and leaves no temporary file", async () => {
    await writeSafetensors(join(folder, "one.safetensors"), weights);
    await writeSafetensors(join(folder, "two.safetensors"), new Map([...weights].reverse()));
    const bytes = await readFile(join(folder, "one.safetensors"));
    expect(bytes.equals(await readFile(join(folder, "two.safetensors")))).toBe(true);
    expect(Number(bytes.readBigUInt64LE()) % 8).toBe(0);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test.each([
    ["BF16", 2 ** -8],
    ["F16", 2 ** -11],
  ] as const)("%s rounds, and reads as float32", async (type, relative) => {
    const file = join(folder, `${type}.safetensors`);
    const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) * 4);
    await writeSafetensors(file, new Map([["w", { shape: [10, 100], data: values }]]), { type });
    const entry = (await readSafetensorsHeader(file)).entries.get("w")!;
    expect(entry.end - entry.start).toBe(2000);
    const back = await readFloats(entry);
    for (const [i, value] of values.entries())
      expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(Math.abs(value) * relative + 1e-7);
  });

  test("a shape that does not fit the data is not written", async () => {
    const wrong: Weights = new Map([["w", { shape: [3], data: new Float32Array(2) }]]);
    await expect(writeSafetensors(join(folder, "never.safetensors"), wrong)).rejects.toThrow(
      /"w": its shape \[3\] holds 3 values, its data 2/,
    );
    expect(await readdir(folder)).not.toContain("never.safetensors");
  });

  test("integers are read in their own type", async () => {
    const file = await handMade(
      "ints.safetensors",
      `{"i":${tensor([2], [0, 16], "I64")},"u":${tensor([3], [16, 19], "U8")}}`,
      19,
    );
    const back = await readSafetensors(file);
    expect(back.get("i")!.data).toEqual(Float64Array.of(0, 0));
    expect(toInt32(back.get("i")!)).toEqual(Int32Array.of(0, 0));
    expect(back.get("u")!.data).toEqual(new Uint8Array(3));
    expect(() => toInt32({ type: "F32", shape: [1], data: Float32Array.of(0.5) })).toThrow(/0.5 at 0 of a F32/);
    const entry = (await readSafetensorsHeader(file)).entries.get("i")!;
    await expect(readFloats(entry)).rejects.toThrow(/"i".*I64.*must be F32, F16 or BF16/);
  });
});

describe("truncated and hostile files", () => {
  const cases: [what: string, header: string, dataBytes: number, message: RegExp, length?: bigint][] = [
    ["header longer than the file", "{}", 0, /claims 500 bytes, and only 2 follow/, 500n],
    ["huge header", "{}", 0, /claims 9223372036854775807 bytes, more than/, 2n ** 63n - 1n],
    ["not JSON", "{'a':1}", 0, /is not JSON/],
    ["not an object", "[1,2]", 0, /not a JSON object but \[1,2\]/],
    ["duplicate names", `{"a":${tensor([1], [0, 4])},"\\u0061":${tensor([1], [4, 8])}}`, 8, /gives "a" twice/],
    [
      "duplicate fields",
      `{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,4]}}`,
      4,
      /gives "dtype" twice/,
    ],
    ["overlap", `{"a":${tensor([2], [0, 8])},"b":${tensor([1], [4, 8])}}`, 8, /"b" starts at byte \d+, inside "a"/],
    ["hole", `{"a":${tensor([1], [0, 4])},"b":${tensor([1], [8, 12])}}`, 12, /before tensor "b", belong to no tensor/],
    [
      "past the end",
      `{"a":${tensor([4], [0, 16])}}`,
      12,
      /"a" ends at byte \d+, the file at \d+: the file is truncated/,
    ],
    ["bytes left over", `{"a":${tensor([1], [0, 4])}}`, 9, /5 bytes after the last tensor/],
    [
      "wrong byte length",
      `{"a":${tensor([3], [0, 8])}}`,
      8,
      /"a" of type F32 and shape \[3\] needs 12 bytes, its offsets 0–8 hold 8/,
    ],
    ["overflowing shape", `{"a":${tensor([2 ** 40, 2 ** 40], [0, 8])}}`, 8, /needs .* bytes, its offsets 0–8 hold 8/],
    ["negative size", `{"a":${tensor([-1], [0, 4])}}`, 4, /shape \[-1\]/],
    ["negative offset", `{"a":${tensor([1], [-4, 0])}}`, 4, /offsets \[-4,0\]/],
    ["fractional shape", `{"a":${tensor([0.5], [0, 2])}}`, 2, /shape \[0.5\]/],
    ["unknown type", `{"a":${tensor([1], [0, 4], "F33")}}`, 4, /type "F33"; known are/],
    ["inherited type name", `{"a":${tensor([1], [0, 4], "toString")}}`, 4, /type "toString"/],
    ["no description", `{"a":null}`, 0, /"a" is described by null/],
    ["metadata of numbers", `{"__metadata__":{"a":1}}`, 0, /__metadata__ must map names to text/],
  ];
  test.each(cases)("%s", async (what, header, dataBytes, message, length) => {
    const file = await handMade(`${what}.safetensors`, header, dataBytes, length);
    const reading = readSafetensorsHeader(file);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(file);
  });

  test("a very long name is no trouble", async () => {
    const name = `${"\\u0061".repeat(500_000)}${'x{}\\"'.repeat(500_000)}`;
    const file = await handMade("long.safetensors", `{"${name}":${tensor([1], [0, 4])}}`, 4);
    const [entry] = (await readSafetensorsHeader(file)).entries.values();
    expect(entry!.name.length).toBe(500_000 * 5);
  });

  test("a file cut anywhere is refused", async () => {
    const whole = join(folder, "whole.safetensors");
    await writeSafetensors(whole, weights);
    const bytes = await readFile(whole);
    const cut = join(folder, "cut.safetensors");
    for (const length of [0, 5, 8, 100, bytes.length - 1]) {
      await writeFile(cut, bytes.subarray(0, length));
      await expect(readSafetensorsHeader(cut)).rejects.toThrow(cut);
    }
    await expect(readSafetensorsHeader(join(folder, "absent.safetensors"))).rejects.toThrow(/cannot open .*absent/);
  });
});

test("a tensor is read when its turn comes, and what was read before it is in the file by then", async () => {
  const target = join(folder, "streamed");
  await mkdir(target);
  const size = 2 ** 16;
  const written: number[] = [];
  const read = async (): Promise<Float32Array> => {
    const [file] = await readdir(target);
    written.push((await stat(join(target, file!))).size);
    return new Float32Array(size).fill(1);
  };
  const sources = new Map(["a", "b", "c"].map((name) => [name, { shape: [size], read }]));
  await writeSafetensors(join(target, "model.safetensors"), sources, { type: "BF16" });
  expect(written.map((bytes) => bytes - written[0]!)).toEqual([0, 2 * size, 4 * size]);
});

describe("several files", () => {
  let shards: string;
  beforeAll(async () => {
    shards = await mkdtemp(join(folder, "shards-"));
    expect(await writeSafetensorsFolder(shards, weights, { maxShardBytes: 36 })).toEqual([
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ]);
  });

  test("come back whole", async () => {
    const entries = await readFolderEntries(shards);
    expect([...entries.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [name, entry] of entries) expect(await readFloats(entry)).toEqual(weights.get(name)!.data);
    const index = JSON.parse(await readFile(join(shards, "model.safetensors.index.json"), "utf8")) as {
      metadata: { total_size: number };
    };
    expect(index.metadata.total_size).toBe(40);
  });

  test("small weights make one file without an index", async () => {
    const single = await mkdtemp(join(folder, "single-"));
    expect(await writeSafetensorsFolder(single, weights)).toEqual(["model.safetensors"]);
    expect((await readFolderEntries(single)).size).toBe(4);
  });

  const broken: [string, unknown, RegExp][] = [
    [
      "a path out of the folder",
      { weight_map: { w: "../secret.safetensors" } },
      /names the file "..\/secret.safetensors": a name .* without folders/,
    ],
    ["an absolute path", { weight_map: { w: "/etc/x.safetensors" } }, /without folders/],
    ["a file that is no name", { weight_map: { w: 7 } }, /names the file 7/],
    ["a missing file", { weight_map: { w: "gone.safetensors" } }, /names gone.safetensors, which is missing/],
    ["no map", {}, /has no "weight_map"/],
    [
      "a tensor that is not there",
      { weight_map: { w: "model-00001-of-00002.safetensors" } },
      /"w" is in model-00001.*it is not/,
    ],
    [
      "an unlisted tensor",
      { weight_map: { "a.bias": "model-00001-of-00002.safetensors" } },
      /holds "b.weight", which .* does not list/,
    ],
  ];
  test.each(broken)("an index with %s is refused", async (_, index, message) => {
    await writeFile(join(shards, "model.safetensors.index.json"), JSON.stringify(index));
    await expect(readFolderEntries(shards)).rejects.toThrow(message);
  });

  test("a folder without weights is refused", async () => {
    await expect(readFolderEntries(await mkdtemp(join(folder, "bare-")))).rejects.toThrow(
      /holds neither model.safetensors nor/,
    );
  });
});
