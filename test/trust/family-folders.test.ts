/** Damaged folders of every family, and damaged adapters: one clear error each, whether weights are loaded or stay in their files. */
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
  const header = Buffer.from(JSON.stringify(change(JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, Json>)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(file, Buffer.concat([size, header, bytes.subarray(8 + length)]));
}

const weightNames = (header: Json): string[] => Object.keys(header).filter((name) => name !== "__metadata__");

/** What can happen to a safetensors file, and what is said of it. */
const damages: readonly (readonly [what: string, damage: (file: string) => void, said: RegExp])[] = [
  ["empty", (file) => truncateSync(file, 0), /is not a usable safetensors file: it has 0 bytes/],
  ["cut in its data", (file) => truncateSync(file, readFileSync(file).length - 1000), /the file is truncated/],
  ["of a huge header", (file) => {
    const bytes = readFileSync(file);
    bytes.writeBigUInt64LE(2n ** 62n);
    writeFileSync(file, bytes);
  }, /its header claims 4611686018427387904 bytes, more than/],
  ["not finite", (file) => {
    const bytes = readFileSync(file);
    bytes.fill(0xff, bytes.length - 4);
    writeFileSync(file, bytes);
  }, /holds NaN at \d+/],
  ["without a tensor", (file) => editHeader(file, (header) => {
    const last = weightNames(header).at(-1)!;
    return Object.fromEntries(Object.entries(header).map(([name, entry]) => [name === last ? "stranger" : name, entry]));
  }), /stranger/],
  ["of integers", (file) => editHeader(file, (header) => {
    const name = weightNames(header).find((key) => header[key]!["dtype"] === "F32")!;
    return { ...header, [name]: { ...header[name], dtype: "I32" } };
  }), /has the type I32/],
];

describe.each(["models/tiny", "models/qwen2_vl", "models/qwen3_vl", "models/smolvlm", "models/idefics3"])("%s", (source) => {
  const load = (folder: string, inFiles: boolean) => loadModelFolder(folder, (config) => createModel(config).parameters, () => inFiles);

  test.each(damages)("weights that are %s", async (_, damage, said) => {
    const folder = damaged(source, (copy) => damage(join(copy, "model.safetensors")));
    for (const inFiles of [false, true]) {
      await expect(load(folder, inFiles)).rejects.toThrow(said);
      await expect(load(folder, inFiles)).rejects.toThrow(folder);
    }
  });

  test("a config.json of another number of layers, and one that is none", async () => {
    const more = damaged(source, (folder) => {
      const file = join(folder, "config.json");
      const config = JSON.parse(readFileSync(file, "utf8")) as Json;
      const text = { ...(config["text_config"] as Json), num_hidden_layers: 9, layer_types: undefined };
      writeFileSync(file, JSON.stringify({ ...config, text_config: text }));
    });
    await expect(load(more, true)).rejects.toThrow(/missing: .*layers/);
    const none = damaged(source, (folder) => writeFileSync(join(folder, "config.json"), "{"));
    await expect(load(none, true)).rejects.toThrow(/config\.json is not JSON/);
  });
});

describe.each(["lora/adapters/patterns", "lora/adapters/vision"])("%s", (source) => {
  const load = async (folder: string) => loadAdapterFolder(folder, "", adaptedModel(await readModelConfig(join(cases, "models/tiny"))));

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
    const edit = (change: Json) => damaged(source, (folder) => {
      const file = join(folder, "adapter_config.json");
      writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, "utf8")) as Json), ...change }));
    });
    await expect(load(edit({ peft_type: "IA3" }))).rejects.toThrow(/IA3/);
    await expect(load(edit({ r: 77, rank_pattern: {} }))).rejects.toThrow(/77/);
  });
});
