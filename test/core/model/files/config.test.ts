import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModelConfig } from "../../../../core/model/files/read-config.ts";
import { parseQwen25VlConfig, type Qwen25VlConfig } from "../../../../core/model/families/qwen2.5-vl/config.ts";

const models = join(import.meta.dirname, "../../../golden/cases/models");
type Json = Record<string, unknown>;
const read = async (name: string) => JSON.parse(await readFile(join(models, name, "config.json"), "utf8")) as Json;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("readModelConfig", () => {
  test("nested and flat files describe the same model", async () => {
    const [nested, flat] = (await Promise.all(
      [read("tiny"), read("tiny-flat-config")].map(async (raw) => parseQwen25VlConfig(await raw)),
    )) as [Qwen25VlConfig, Qwen25VlConfig];
    expect(await readModelConfig(join(models, "tiny"))).toEqual(nested);
    expect(flat.text).toEqual(nested.text);
    expect(flat.vision).toEqual(nested.vision);
    expect(nested.text).toEqual({
      hiddenSize: 128,
      layers: 4,
      heads: 4,
      kvHeads: 2,
      headSize: 32,
      intermediateSize: 344,
      vocabSize: 512,
      rmsNormEps: 1e-6,
      ropeTheta: 1e6,
      mropeSection: [4, 6, 6],
      tieWordEmbeddings: true,
    });
    expect(nested.vision).toMatchObject({
      depth: 4,
      patchSize: 14,
      mergeSize: 2,
      windowSize: 56,
      channels: 3,
      fullAttentionBlocks: [1, 3],
    });
    expect(flat.tokens).toEqual({ image: 479, pad: null, eos: [469], reserved: [480, 476, 477, 478] });
    expect(nested.raw).toEqual(await read("tiny"));
  });

  const save = (raw: unknown) =>
    writeFile(join(folder, "config.json"), typeof raw === "string" ? raw : JSON.stringify(raw));

  test("names what it found and what it knows for another architecture", async () => {
    await save({ model_type: "llava", architectures: ["LlavaForConditionalGeneration"] });
    await expect(readModelConfig(folder)).rejects.toThrow(
      /model_type "llava", architectures \["Llava.*supported: qwen2_5_vl/,
    );
    await save({ model_type: "qwen3_5", architectures: ["Qwen3_5ForConditionalGeneration"] });
    await expect(readModelConfig(folder)).rejects.toThrow(
      /cannot be trained yet \(model_type "qwen3_5".*: its layers of linear attention .*supported: qwen2_5_vl, qwen3_vl/,
    );
  });

  test.each([
    ["{", /is not JSON/],
    ["[]", /holds no JSON object/],
    [JSON.stringify({ model_type: "qwen2_5_vl", image_token_id: "x" }), /config.json: image_token_id/],
  ])("%s is refused", async (text, message) => {
    await save(text);
    await expect(readModelConfig(folder)).rejects.toThrow(message);
  });

  test("a folder without config.json is refused", async () => {
    await expect(readModelConfig(join(folder, "nowhere"))).rejects.toThrow(/holds no config.json/);
  });
});

describe("parseQwen25VlConfig", () => {
  test("head and embedding are one where root or text says so, as in transformers", async () => {
    const { tie_word_embeddings: _, ...root } = await read("tiny");
    const { tie_word_embeddings: __, ...untied } = root["text_config"] as Json;
    expect(parseQwen25VlConfig({ ...root, text_config: untied }).text.tieWordEmbeddings).toBe(false);
    expect(
      parseQwen25VlConfig({ ...root, text_config: untied, tie_word_embeddings: true }).text.tieWordEmbeddings,
    ).toBe(true);
    expect(parseQwen25VlConfig({ ...root, tie_word_embeddings: false }).text.tieWordEmbeddings).toBe(true);
  });

  test("what is left out is transformers' default", () => {
    // Its default tower and its default decoder are not of one width.
    const { text, vision, tokens } = parseQwen25VlConfig({
      text_config: { hidden_size: 3584, num_attention_heads: 28, num_key_value_heads: 4 },
    });
    expect(text).toEqual({
      hiddenSize: 3584,
      layers: 80,
      heads: 28,
      kvHeads: 4,
      headSize: 128,
      intermediateSize: 29_568,
      vocabSize: 152_064,
      rmsNormEps: 1e-5,
      ropeTheta: 1e6,
      mropeSection: [16, 24, 24],
      tieWordEmbeddings: false,
    });
    expect(vision).toMatchObject({ depth: 32, hiddenSize: 3584, heads: 16, intermediateSize: 3420, windowSize: 112 });
    expect(tokens).toEqual({ image: 151_655, pad: null, eos: [], reserved: [151_656, 151_652, 151_653] });
  });

  test("older vision parts have transformers' defaults", async () => {
    const {
      patch_size: _,
      window_size: __,
      fullatt_block_indexes: ___,
      ...vision
    } = (await read("tiny"))["vision_config"] as Json;
    const parsed = parseQwen25VlConfig({ ...(await read("tiny")), vision_config: { ...vision, depth: 32 } });
    expect(parsed.vision).toMatchObject({ patchSize: 14, windowSize: 112, fullAttentionBlocks: [7, 15, 23, 31] });
  });

  const text = (change: Json) => (raw: Json) => ({
    ...raw,
    text_config: { ...(raw["text_config"] as Json), ...change },
  });
  const vision = (change: Json) => (raw: Json) => ({
    ...raw,
    vision_config: { ...(raw["vision_config"] as Json), ...change },
  });
  const cases: [string, (raw: Json) => Json, RegExp][] = [
    [
      "heads that do not divide",
      text({ num_attention_heads: 3 }),
      /hidden_size 128 is not divisible by num_attention_heads 3/,
    ],
    [
      "key/value heads that do not divide",
      text({ num_key_value_heads: 3 }),
      /num_attention_heads 4 is not divisible by num_key_value_heads 3/,
    ],
    [
      "sections that do not fill a head",
      text({ rope_parameters: { rope_theta: 1e6, mrope_section: [4, 4, 4] } }),
      /\[4, 4, 4\] covers 24 of a head's 32/,
    ],
    [
      "sections left out, which are then those of a head of 128",
      text({ rope_parameters: { rope_theta: 1e6 } }),
      /\[16, 24, 24\] covers 128 of a head's 32/,
    ],
    ["an endless vocabulary", text({ vocab_size: 2 ** 40 }), /text_config.vocab_size is .*16777216/],
    [
      "another kind of rotary",
      text({ rope_parameters: { rope_type: "yarn", mrope_section: [4, 6, 6], rope_theta: 1e6 } }),
      /"yarn" are not supported/,
    ],
    ["another activation", text({ hidden_act: "gelu" }), /text_config.hidden_act/],
    ["sliding windows", text({ use_sliding_window: true }), /sliding-window attention is not supported/],
    ["another head size", text({ head_dim: 64 }), /head_dim 64 is not hidden_size/],
    ["a negative size", text({ num_hidden_layers: -1 }), /text_config.num_hidden_layers/],
    [
      "a width the decoder has not",
      vision({ out_hidden_size: 64 }),
      /out_hidden_size 64 is not the decoder's hidden_size 128/,
    ],
    ["a ragged window", vision({ window_size: 60 }), /window_size 60 is not a multiple of .* 28/],
    ["a block too many", vision({ fullatt_block_indexes: [1, 4] }), /names block 4, and depth is 4/],
    [
      "vision heads that do not divide",
      vision({ num_heads: 3 }),
      /vision hidden_size 64 is not divisible by 4 × num_heads 3/,
    ],
    [
      "a token outside the vocabulary",
      (raw) => ({ ...raw, image_token_id: 512 }),
      /the image token 512 is outside vocab_size 512/,
    ],
  ];
  test.each(cases)("refuses %s", async (_, change, message) => {
    const raw = change(await read("tiny"));
    expect(() => parseQwen25VlConfig(raw)).toThrow(message);
  });
});
