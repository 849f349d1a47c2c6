/**
 * Damaged folders of every family, and damaged adapters: one clear error each, whether weights are loaded or stay in
 * their files.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { adaptedModel, loadAdapterFolder } from "../../core/model/files/adapter-folder.ts";
import { readModelConfig } from "../../core/model/files/read-config.ts";
import { loadModelFolder } from "../../core/model/files/folder.ts";
import { createModel } from "../../core/model/registry.ts";

type Json = Record<string, unknown>;

const cases = fileURLToPath(new URL("../golden/cases", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "families-"));
afterAll(() => rmSync(root, { recursive: true }));
let copies = 0;

function damaged(source: string, damage: (folder: string) => void): string {
  const folder = join(root, String(copies++));
  cpSync(join(cases, source), folder, { recursive: true });
  damage(folder);
  return folder;
}

function editHeader(file: string, change: (header: Record<string, Json>) => Json): void {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  const header = Buffer.from(
    JSON.stringify(change(JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, Json>)),
  );
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(file, Buffer.concat([size, header, bytes.subarray(8 + length)]));
}

const floats = (header: Record<string, Json>): string =>
  Object.keys(header).find((key) => header[key]!["dtype"] === "F32")!;

/** Change what a header says of one tensor of floats. */
const editTensor = (file: string, change: (entry: Json) => Json): void =>
  editHeader(file, (header) => ({ ...header, [floats(header)]: change(header[floats(header)]!) }));

const startOf = (entry: Json): number => (entry["data_offsets"] as number[])[0]!;

const weightNames = (header: Json): string[] => Object.keys(header).filter((name) => name !== "__metadata__");

/** What can happen to a safetensors file, and what is said of it. */
const damages: readonly (readonly [what: string, damage: (file: string) => void, said: RegExp])[] = [
  ["empty", (file) => truncateSync(file, 0), /is not a usable safetensors file: it has 0 bytes/],
  ["cut in its data", (file) => truncateSync(file, readFileSync(file).length - 1000), /the file is truncated/],
  [
    "of a huge header",
    (file) => {
      const bytes = readFileSync(file);
      bytes.writeBigUInt64LE(2n ** 62n);
      writeFileSync(file, bytes);
    },
    /its header claims 4611686018427387904 bytes, more than/,
  ],
  [
    "not finite",
    (file) => {
      const bytes = readFileSync(file);
      bytes.fill(0xff, bytes.length - 4);
      writeFileSync(file, bytes);
    },
    /holds NaN at \d+/,
  ],
  [
    "without a tensor",
    (file) =>
      editHeader(file, (header) => {
        const last = weightNames(header).at(-1)!;
        return Object.fromEntries(
          Object.entries(header).map(([name, entry]) => [name === last ? "stranger" : name, entry]),
        );
      }),
    /stranger/,
  ],
  ["of integers", (file) => editTensor(file, (entry) => ({ ...entry, dtype: "I32" })), /has the type I32/],
  [
    "of doubles where there are floats",
    (file) => editTensor(file, (entry) => ({ ...entry, dtype: "F64" })),
    /of type F64 and shape .* needs \d+ bytes, its offsets/,
  ],
  [
    "cut in its header",
    (file) => truncateSync(file, 500),
    /its header claims \d+ bytes, and only 492 follow: the file is truncated/,
  ],
  [
    "a pointer of a large file",
    (file) => writeFileSync(file, "version https://git-lfs.github.com/spec/v1"),
    /its header claims \d+ bytes/,
  ],
  ["of a negative size", (file) => editTensor(file, (entry) => ({ ...entry, shape: [-1] })), /has the shape \[-1\]/],
  [
    "of a size beyond all memory",
    (file) => editTensor(file, (entry) => ({ ...entry, shape: [2 ** 40, 2 ** 40] })),
    /needs \d.* bytes, its offsets/,
  ],
  [
    "one over the other",
    (file) =>
      editHeader(file, (header) => {
        const last = weightNames(header)
          .sort((one, other) => startOf(header[one]!) - startOf(header[other]!))
          .at(-1)!;
        return {
          ...header,
          [last]: { ...header[last], data_offsets: (header[last]!["data_offsets"] as number[]).map((at) => at - 4) },
        };
      }),
    /starts at byte \d+, inside "/,
  ],
  [
    "of another shape",
    (file) => editTensor(file, (entry) => ({ ...entry, shape: [1, ...(entry["shape"] as number[])] })),
    /of another shape: .* is \[1, /,
  ],
];

describe.each(["models/tiny", "models/qwen2_vl", "models/qwen3_vl", "models/smolvlm", "models/idefics3"])(
  "%s",
  (source) => {
    const load = (folder: string, inFiles: boolean) =>
      loadModelFolder(
        folder,
        (config) => createModel(config).parameters,
        () => inFiles,
      );

    test.each(damages)("weights that are %s", async (_, damage, said) => {
      const folder = damaged(source, (copy) => damage(join(copy, "model.safetensors")));
      for (const inFiles of [false, true]) {
        await expect(load(folder, inFiles)).rejects.toThrow(said);
        await expect(load(folder, inFiles)).rejects.toThrow(folder);
      }
    });

    test("a config.json that contradicts itself, the weights or reason, and one that is none", async () => {
      const edited = (change: Json): string =>
        damaged(source, (folder) => {
          const file = join(folder, "config.json");
          const config = JSON.parse(readFileSync(file, "utf8")) as Json;
          writeFileSync(
            file,
            JSON.stringify({ ...config, text_config: { ...(config["text_config"] as Json), ...change } }),
          );
        });
      await expect(load(edited({ num_hidden_layers: 9, layer_types: undefined }), true)).rejects.toThrow(
        /missing: .*layers/,
      );
      await expect(load(edited({ num_hidden_layers: 1e9, layer_types: undefined }), true)).rejects.toThrow(
        /num_hidden_layers is .*1000/,
      );
      await expect(load(edited({ num_attention_heads: 7 }), true)).rejects.toThrow(/config\.json: .*(head|divisible)/);
      await expect(load(edited({ vocab_size: 16 }), true)).rejects.toThrow(/vocab_size 16|of another shape/);
      await expect(
        load(
          damaged(source, (folder) => rmSync(join(folder, "config.json"))),
          true,
        ),
      ).rejects.toThrow(/config\.json/);
      const none = damaged(source, (folder) => writeFileSync(join(folder, "config.json"), "{"));
      await expect(load(none, true)).rejects.toThrow(/config\.json is not JSON/);
    });
  },
);

describe.each(["lora/adapters/patterns", "lora/adapters/vision"])("%s", (source) => {
  const load = async (folder: string) =>
    loadAdapterFolder(folder, "", adaptedModel(await readModelConfig(join(cases, "models/tiny"))));

  test("is read as it is", async () => {
    expect((await load(damaged(source, () => undefined))).weights.size).toBeGreaterThan(0);
  });

  test.each(damages)("factors that are %s", async (_, damage, said) => {
    const folder = damaged(source, (copy) => damage(join(copy, "adapter_model.safetensors")));
    await expect(load(folder)).rejects.toThrow(said);
    await expect(load(folder)).rejects.toThrow(folder);
  });

  test("without its files, with another rank, of another kind", async () => {
    for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
      await expect(load(damaged(source, (folder) => rmSync(join(folder, file))))).rejects.toThrow(file);
    }
    const edit = (change: Json) =>
      damaged(source, (folder) => {
        const file = join(folder, "adapter_config.json");
        writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, "utf8")) as Json), ...change }));
      });
    await expect(load(edit({ peft_type: "IA3" }))).rejects.toThrow(/IA3/);
    await expect(load(edit({ r: 77, rank_pattern: {} }))).rejects.toThrow(/77/);
  });
});
