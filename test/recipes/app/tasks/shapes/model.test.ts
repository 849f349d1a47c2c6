import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readModelConfig } from "../../../../../core/model/files/read-config.ts";
import { qwenTensorNames } from "../../../../../core/model/families/qwen/folder.ts";
import { Processor } from "../../../../../core/model/processing/processor.ts";
import { createModel } from "../../../../../core/model/registry.ts";
import { readSafetensors } from "../../../../../core/model/files/safetensors.ts";
import { makeExample, sharedSprites, supervisedExamples } from "../../../../../recipes/app/tasks/shapes/examples.ts";
import {
  shapesModelParameters,
  untrainedWeights,
  writeUntrainedModel,
} from "../../../../../recipes/app/tasks/shapes/model.ts";
import { vocabulary } from "../../../../../recipes/app/tasks/shapes/vocabulary.ts";

let folder: string;
let processor: Processor;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shapes-model-"));
  await writeUntrainedModel(folder, { seed: 1 });
  processor = await Processor.load(folder);
});
afterAll(() => rm(folder, { recursive: true }));

test("a word is a token, and no two words are the same", () => {
  expect(new Set(vocabulary).size).toBe(vocabulary.length);
  vocabulary.forEach((word, id) => expect(processor.tokenizer.idOf(word), word).toBe(id));
  expect(processor.vocabularySize).toBe(vocabulary.length);
});

test("responses survive encoding and decoding", async () => {
  for (const { response } of await supervisedExamples({ seed: 1, start: 0, count: 200, directShare: 0.3 })) {
    const ids = processor.tokenizer.encode(response);
    expect(ids).toHaveLength(response.split(" ").length);
    expect(processor.decode(ids)).toBe(response);
    expect(processor.decode([...ids, processor.stopTokens[0]!], { skipSpecial: true })).toBe(response);
  }
});

test("a prompt is the picture's nine tokens, the question's words and five more", async () => {
  const { row, picture } = makeExample(
    0,
    { seed: 1, split: "train", kinds: ["relation"], freeShare: 0 },
    await sharedSprites(),
  );
  const { ids, pictures } = processor.encodePrompt({ prompt: `<image>${row.prompt}` }, [picture]);
  const words = [...ids].map((id) => vocabulary[id]);
  const images = Array.from({ length: 9 }, () => "<|image_pad|>");
  expect(words).toEqual([
    "<|im_start|>",
    "<|vision_start|>",
    ...images,
    "<|vision_end|>",
    ...row.prompt.split(" "),
    "<|im_end|>",
  ]);
  expect(pictures[0]?.grid).toEqual([1, 6, 6]);
});

test("the template takes system turns, text alone, and turns of both sides", () => {
  expect(processor.renderPrompt({ prompt: "what is 1 plus 2 ?", system: "sum" })).toBe(
    "<|im_start|> sum <|im_end|><|im_start|> what is 1 plus 2 ? <|im_end|>",
  );
  const turns = [
    { role: "user", content: "how many red ?" },
    { role: "assistant", content: "none" },
    { role: "user", content: "more ?" },
  ];
  expect(
    [...processor.tokenizer.encode(processor.renderPrompt({ messages: turns }))].map((id) => vocabulary[id]).join(" "),
  ).toBe("<|im_start|> how many red ? <|im_end|> none <|im_end|> <|im_start|> more ? <|im_end|>");
});

test("stop tokens are both ends, vision tokens are banned", () => {
  expect(processor.stopTokens.map((id) => vocabulary[id])).toEqual(["<|im_end|>", "<|endoftext|>"]);
  expect(processor.bannedTokens.map((id) => vocabulary[id])).toEqual([
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
  ]);
});

test("the names and shapes are those that the architecture asks for", async () => {
  const { parameters } = createModel(await readModelConfig(folder));
  const sorted = (shapes: Iterable<readonly [string, readonly number[]]>): string[] =>
    [...shapes].map(([name, shape]) => `${name} ${shape.join("×")}`).sort();
  expect(sorted([...shapesModelParameters()].map(([name, shape]) => [qwenTensorNames.canonical(name), shape]))).toEqual(
    sorted(parameters),
  );
});

test("the weights file has the architecture's names and shapes, about a million parameters, under 6 MB", async () => {
  const file = join(folder, "model.safetensors");
  const stored = await readSafetensors(file);
  expect(new Map([...stored].map(([name, { shape }]) => [name, [...shape]]))).toEqual(
    new Map([...shapesModelParameters()].sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  const count = [...stored.values()].reduce((sum, { data }) => sum + data.length, 0);
  expect(count).toBeGreaterThan(1_000_000);
  expect(count).toBeLessThan(1_300_000);
  expect((await stat(file)).size).toBeLessThan(6e6);
});

test("equal seeds give equal files, other seeds other weights", async () => {
  const again = join(folder, "again");
  await writeUntrainedModel(again, { seed: 1 });
  const [first, second] = await Promise.all([folder, again].map((where) => readFile(join(where, "model.safetensors"))));
  expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
  const name = "model.layers.0.mlp.up_proj.weight";
  expect(untrainedWeights(2).get(name)?.data).not.toEqual(untrainedWeights(1).get(name)?.data);
});

test("matrices start normal with the deviation of their fan-in, norms at 1, biases at 0", () => {
  const weights = untrainedWeights(3);
  const deviation = (name: string): number => {
    const data = weights.get(name)?.data ?? new Float32Array();
    return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
  };
  expect(deviation("model.embed_tokens.weight") / 0.02).toBeCloseTo(1, 1);
  expect(deviation("visual.patch_embed.proj.weight") / (0.7 / Math.sqrt(3 * 2 * 14 * 14))).toBeCloseTo(1, 1);
  expect(deviation("model.layers.0.self_attn.q_proj.weight") / (0.7 / Math.sqrt(128))).toBeCloseTo(1, 1);
  expect(deviation("model.layers.1.mlp.down_proj.weight") / (0.7 / Math.sqrt(344 * 8))).toBeCloseTo(1, 1);
  expect(deviation("visual.blocks.1.attn.proj.weight") / (0.7 / Math.sqrt(64 * 6))).toBeCloseTo(1, 1);
  expect(deviation("visual.blocks.1.attn.qkv.weight") / (0.7 / Math.sqrt(64))).toBeCloseTo(1, 1);
  expect(deviation("model.norm.weight")).toBe(1);
  expect(deviation("visual.merger.mlp.0.bias")).toBe(0);
});
