import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { learnerSettings, parseSettings } from "../../core/contracts/settings.ts";
import { openPolicy } from "../../core/worker/policy.ts";
import { copyOfTinyModel, editJson, removeFolders, tinyModel, trainSmall } from "./support.ts";

afterAll(removeFolders);

type Json = Record<string, unknown>;

/** The error of a run that is given a damaged copy of the model. */
async function refusal(damage: (folder: string) => void): Promise<string> {
  const model = copyOfTinyModel();
  damage(model);
  const { error } = await trainSmall({ model });
  return error ?? "no error";
}

/** Rewrite the header of model.safetensors; the data stays as it is. */
function editHeader(folder: string, change: (header: Json) => Json): void {
  const file = join(folder, "model.safetensors");
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  const header = Buffer.from(JSON.stringify(change(JSON.parse(bytes.subarray(8, 8 + length).toString()) as Json)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(file, Buffer.concat([size, header, bytes.subarray(8 + length)]));
}

const tensor = "model.norm.weight";
const editTensor = (folder: string, change: (description: Json) => Json): void =>
  editHeader(folder, (header) => ({ ...header, [tensor]: change(header[tensor] as Json) }));
const editConfig = (folder: string, change: (config: Json) => Json): void =>
  editJson(join(folder, "config.json"), change);
const editText = (folder: string, change: (text: Json) => Json): void =>
  editConfig(folder, (config) => ({ ...config, text_config: change(config["text_config"] as Json) }));

describe("a model folder", () => {
  test("that is missing, or holds no weights", async () => {
    expect((await trainSmall({ model: "/no/such/folder" })).error).toMatch(
      /\/no\/such\/folder.*config\.json.*is it a model folder/s,
    );
    expect(await refusal((folder) => rmSync(join(folder, "model.safetensors")))).toMatch(
      /holds neither model\.safetensors nor .*index\.json/,
    );
  });

  test("in a worker thread is refused in the same words", async () => {
    const settings = learnerSettings(parseSettings());
    await expect(openPolicy({ folder: "/no/such/folder", ...settings })).rejects.toThrow(
      /^\/no\/such\/folder.*is it a model folder/,
    );
    const model = copyOfTinyModel();
    truncateSync(join(model, "model.safetensors"), 100_000);
    await expect(openPolicy({ folder: model, ...settings })).rejects.toThrow(
      /not a usable safetensors file.*truncated/,
    );
  });

  test("without a tokenizer, picture settings or a usable tokenizer", async () => {
    expect(await refusal((folder) => rmSync(join(folder, "tokenizer.json")))).toMatch(
      /holds no tokenizer\.json: write one with/,
    );
    expect(await refusal((folder) => rmSync(join(folder, "processor_config.json")))).toMatch(
      /it needs preprocessor_config\.json/,
    );
    expect(await refusal((folder) => writeFileSync(join(folder, "tokenizer.json"), "{}"))).toMatch(
      /tokenizer\.json cannot be used/,
    );
    expect(await refusal((folder) => writeFileSync(join(folder, "tokenizer.json"), "{"))).toMatch(
      /tokenizer\.json is not JSON/,
    );
    expect(await refusal((folder) => rmSync(join(folder, "chat_template.jinja")))).toMatch(
      /has no chat template: add chat_template\.jinja/,
    );
  });
});

describe("safetensors", () => {
  test("that are truncated in header or data, or no safetensors at all", async () => {
    const cut = (size: number) => refusal((folder) => truncateSync(join(folder, "model.safetensors"), size));
    expect(await cut(0)).toMatch(/model\.safetensors is not a usable safetensors file: it has 0 bytes/);
    expect(await cut(500)).toMatch(/its header claims \d+ bytes, and only 492 follow: the file is truncated/);
    expect(await cut(100_000)).toMatch(/ends at byte \d+, the file at 100000: the file is truncated/);
    expect(
      await refusal((folder) =>
        writeFileSync(join(folder, "model.safetensors"), "version https://git-lfs.github.com/spec/v1"),
      ),
    ).toMatch(/its header claims \d+ bytes/);
  });

  test("with a huge header, overlapping or far offsets, a wrong type or shape", async () => {
    const huge = (folder: string): void => {
      const bytes = readFileSync(join(folder, "model.safetensors"));
      bytes.writeBigUInt64LE(2n ** 62n);
      writeFileSync(join(folder, "model.safetensors"), bytes);
    };
    expect(await refusal(huge)).toMatch(/its header claims 4611686018427387904 bytes, more than the 100000000 allowed/);
    const overlap = (folder: string): void =>
      editTensor(folder, (entry) => ({
        ...entry,
        data_offsets: (entry["data_offsets"] as number[]).map((at) => at - 4),
      }));
    expect(await refusal(overlap)).toMatch(/tensor ".*" starts at byte \d+, inside ".*"/);
    expect(await refusal((folder) => editTensor(folder, (entry) => ({ ...entry, dtype: "F64" })))).toMatch(
      /of type F64 and shape \[\d+\] needs \d+ bytes, its offsets .* hold/,
    );
    expect(await refusal((folder) => editTensor(folder, (entry) => ({ ...entry, dtype: "I32" })))).toMatch(
      /has the type I32; weights must be F32, F16 or BF16/,
    );
    expect(await refusal((folder) => editTensor(folder, (entry) => ({ ...entry, shape: [-1] })))).toMatch(
      /has the shape \[-1\]/,
    );
    expect(await refusal((folder) => editTensor(folder, (entry) => ({ ...entry, shape: [2 ** 40, 2 ** 40] })))).toMatch(
      /needs \d.* bytes, its offsets/,
    );
  });

  test("with tensors that are missing, unexpected, of another shape, or not finite", async () => {
    const rename = (header: Json): Json =>
      Object.fromEntries(Object.entries(header).map(([name, entry]) => [name === tensor ? "stranger" : name, entry]));
    expect(await refusal((folder) => editHeader(folder, rename))).toMatch(
      /missing: model\.language_model\.norm\.weight; unexpected: stranger/,
    );
    const reshape = (entry: Json): Json => ({ ...entry, shape: [2, (entry["shape"] as number[])[0]! / 2] });
    expect(await refusal((folder) => editTensor(folder, reshape))).toMatch(
      /of another shape: model\.language_model\.norm\.weight is \[2, \d+\], not \[\d+\]/,
    );
    const poison = (folder: string): void => {
      const file = join(folder, "model.safetensors");
      const bytes = readFileSync(file);
      bytes.writeFloatLE(NaN, bytes.length - 4);
      writeFileSync(file, bytes);
    };
    expect(await refusal(poison)).toMatch(/tensor ".*" in .* holds NaN at \d+: these weights are damaged/);
  });
});

describe("config.json", () => {
  test("of an unknown architecture, or no configuration", async () => {
    expect(await refusal((folder) => editConfig(folder, (config) => ({ ...config, model_type: "llava" })))).toMatch(
      /unknown architecture \(model_type "llava".*supported: qwen2_5_vl/,
    );
    expect(await refusal((folder) => writeFileSync(join(folder, "config.json"), "[]"))).toMatch(
      /config\.json holds no JSON object/,
    );
  });

  test("that contradicts itself, the weights, or reason", async () => {
    expect(await refusal((folder) => editText(folder, (text) => ({ ...text, num_attention_heads: 7 })))).toMatch(
      /config\.json: .*(head|divisible)/,
    );
    expect(await refusal((folder) => editText(folder, (text) => ({ ...text, num_hidden_layers: 5 })))).toMatch(
      /not those that its config\.json describes; missing: .*layers\.4/,
    );
    expect(await refusal((folder) => editText(folder, (text) => ({ ...text, num_hidden_layers: 1e9 })))).toMatch(
      /num_hidden_layers is .*1000/,
    );
    expect(await refusal((folder) => editText(folder, (text) => ({ ...text, vocab_size: 16 })))).toMatch(
      /token \d+ is outside vocab_size 16|vocabulary of 16/,
    );
    expect(
      await refusal((folder) =>
        editJson(join(folder, "processor_config.json"), (config) => ({
          ...config,
          image_processor: { ...(config["image_processor"] as Json), patch_size: 16 },
        })),
      ),
    ).toMatch(/patchSize is 16 for the picture processor and 14 for the model; make them equal/);
  });

  test("as it is, the model trains", async () => {
    expect((await trainSmall({ model: tinyModel, settings: { steps: 1 } })).error).toBeNull();
  });
});
