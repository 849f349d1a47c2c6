import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Tokenizer } from "../../../../core/model/processing/tokenizer.ts";

const tiny = join(import.meta.dirname, "../../../golden/cases/models/tiny");

/** A tokenizer of whole words, as small models have it. */
const words = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: ["<pad>", "<|im_end|>", "<|image_pad|>"].map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  })),
  normalizer: null,
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: null,
  decoder: null,
  model: {
    type: "WordLevel",
    vocab: {
      "<pad>": 0,
      "<|im_end|>": 1,
      "<|image_pad|>": 2,
      "[UNK]": 3,
      "<think>": 4,
      "3": 5,
      "+": 6,
      "n't": 7,
      "\\boxed{": 8,
      "}": 9,
      ".": 10,
    },
    unk_token: "[UNK]",
  },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokenizer-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a byte-level tokenizer", () => {
  test("leaves out ids without a token: a model's vocabulary may be larger", async () => {
    const tokenizer = await Tokenizer.load(tiny);
    expect(tokenizer.size).toBe(489);
    expect(tokenizer.tokenOf(500)).toBeNull();
    expect(tokenizer.decode([64, 500, 65])).toBe("ab");
    expect(tokenizer.decode([500])).toBe("");
    expect(tokenizer.decode(Int32Array.of(64, 467), { skipSpecial: true })).toBe("a");
  });

  test("bytes that are no UTF-8 become replacement characters", async () => {
    const tokenizer = await Tokenizer.load(tiny);
    const [first] = tokenizer.encode("é");
    expect(tokenizer.decode([first!])).toBe("\ufffd");
  });

  test("knows tokens by name and role", async () => {
    const tokenizer = await Tokenizer.load(tiny);
    expect(tokenizer.idOf("<|image_pad|>")).toBe(479);
    expect(tokenizer.idOf("<|nothing|>")).toBeNull();
    expect(tokenizer.roleToken("eos_token")).toBe("<|im_end|>");
    expect(tokenizer.roleToken("bos_token")).toBeNull();
  });
});

describe("a word-level tokenizer", () => {
  const tokenizer = new Tokenizer(words);

  test("splits at white space and joins by single spaces", () => {
    const ids = tokenizer.encode("<think>  3 +\n3 . \\boxed{ 3 } n't<|im_end|>");
    expect([...ids]).toEqual([4, 5, 6, 5, 10, 8, 5, 9, 7, 1]);
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe("<think> 3 + 3 . \\boxed{ 3 } n't");
    expect(tokenizer.decode(ids)).toBe("<think> 3 + 3 . \\boxed{ 3 } n't <|im_end|>");
  });

  test("finds special tokens without spaces around", () => {
    expect([...tokenizer.encode("3<|image_pad|><|image_pad|>3")]).toEqual([5, 2, 2, 5]);
  });

  test("an unknown word becomes the unknown token, or an error where there is none", () => {
    expect([...tokenizer.encode("3 zebra")]).toEqual([5, 3]);
    const { unk_token: _, ...model } = words.model;
    expect(() => new Tokenizer({ ...words, model }).encode("3 zebra")).toThrow(
      'the vocabulary has no token for "zebra", and no unknown token',
    );
  });
});

describe("files that cannot be used are named", () => {
  test("no tokenizer.json", async () => {
    await expect(Tokenizer.load(join(folder, "nowhere"))).rejects.toThrow(/nowhere holds no tokenizer.json/);
  });

  test.each([
    ["{", /tokenizer.json is not JSON/],
    ['{"model":{"type":"Magic"}}', /tokenizer.json cannot be used: .*Magic/],
    ["{}", /tokenizer.json cannot be used/],
  ])("%s", async (text, message) => {
    await writeFile(join(folder, "tokenizer.json"), text);
    await expect(Tokenizer.load(folder)).rejects.toThrow(message);
  });
});
