import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  createHost,
  examplePrompt,
  parseSettings,
  planOf,
  plannedRun,
  planRollout,
  publishedConfig,
  type MemoryPlan,
  type PlannedModel,
  type PlannedRun,
  type Plugin,
  type RunSettingsInput,
} from "@papo/core";
import { ZoomInPlugin } from "@papo/plugins";
import { grpo } from "@papo/recipes";
import { adviceFor, refuseTooLarge } from "../../../core/plan/advice.ts";
import type { JsonObject } from "../../../core/model/files/json.ts";
import { readModelConfig } from "../../../core/model/files/read-config.ts";
import { promptLength } from "../../../core/model/model.ts";
import type { EncodedPicture } from "../../../core/model/processing/picture.ts";
import { createModel, familyOf } from "../../../core/model/registry.ts";
import { doesNotFit, fits, planTable } from "../../../core/plan/text.ts";

/** A published model, or one with fewer layers, which is traced sooner. */
function shape(name: string, layers?: number): PlannedModel {
  const config = publishedConfig(name)!;
  const raw = config.raw as JsonObject & { readonly text_config: JsonObject };
  const changed =
    layers === undefined
      ? config
      : familyOf(raw).parseConfig({ ...raw, text_config: { ...raw.text_config, num_hidden_layers: layers } });
  return { config: changed, typeOf: () => "BF16" };
}
const GB = 1e9;

function runOf(
  model: PlannedModel,
  input: RunSettingsInput,
  { textTokens = 128, visualTokens = 256, memory = 64 * GB, plugins = [] as readonly Plugin[] } = {},
) {
  const settings = parseSettings({ promptsPerStep: 2, samplesPerPrompt: 4, sampling: { maxNewTokens: 64 }, ...input });
  const host = createHost([...grpo({ referenceKl: 0 }), ...plugins], { seed: 1 });
  const context = { step: 1, steps: 1 };
  host.beginStep(context);
  return {
    settings,
    run: plannedRun(
      host,
      planRollout(context, { host, settings }),
      settings,
      [examplePrompt(model.config, { textTokens, visualTokens })],
      memory,
    ),
  };
}

async function plan(name: string, input: RunSettingsInput = {}, layers: number | undefined = 4): Promise<MemoryPlan> {
  const model = shape(name, layers);
  const { settings, run } = runOf(model, input);
  return planOf(model, settings, run);
}

const part = ({ held, passes }: MemoryPlan, name: string): number =>
  [...held, ...passes].find((one) => one.name === name)?.bytes ?? 0;

test("all weights: weights, gradient and two moments of every number; 8 bits are a quarter of the moments", async () => {
  const wide = await plan("SmolVLM2-256M");
  const { parameters } = wide;
  expect(wide.trained).toBe(parameters);
  expect([part(wide, "weights"), part(wide, "gradient"), part(wide, "moments")]).toEqual([
    4 * parameters,
    4 * parameters,
    8 * parameters,
  ]);
  expect(wide.checkpoint).toBe(12 * parameters);
  expect(wide.mapped).toBe(0);
  const narrow = await plan("SmolVLM2-256M", { optimizer: { moments: "8bit" }, checkpointType: "bfloat16" });
  expect(part(narrow, "moments") / parameters).toBeCloseTo(2.03, 2);
  expect(wide.host - narrow.host).toBe(part(wide, "moments") - part(narrow, "moments"));
  expect(narrow.checkpoint / parameters).toBeCloseTo(2 + 2 + 2.03, 2);
});

test("groups that are kept from step to step are held with the pictures of every view that changes them", async () => {
  const model = shape("Qwen2.5-VL-3B", 2);
  const { settings, run } = runOf(model, {});
  const without = await planOf(model, settings, run);
  const keeps = await planOf(model, settings, { ...run, kept: { groups: 64, patches: 2 } });
  // 256 visual tokens of four patches with 2 × 3 × 14 × 14 numbers; a byte each as read, 4 in each view; 64 tokens of 4
  // responses with three numbers.
  const numbers = 1024 * 1176;
  expect(part(keeps, "kept groups")).toBe(64 * (numbers * 9 + 12 * 4 * 64));
  expect(keeps.host - without.host).toBe(part(keeps, "kept groups"));
});

test("what environments answer between turns is counted: words that are read after a cache, and pictures in responses", async () => {
  const model = shape("Qwen2.5-VL-3B", 2);
  const sampling = { maxNewTokens: 300 };
  const [alone, turns] = (await Promise.all(
    [[], [new ZoomInPlugin({ maxTurns: 3, maxVisualTokens: 100 })]].map(async (plugins) => {
      const { settings, run } = runOf(model, { sampling }, { plugins });
      return { run, plan: await planOf(model, settings, run) };
    }),
  )) as [{ run: PlannedRun; plan: MemoryPlan }, { run: PlannedRun; plan: MemoryPlan }];
  expect([alone.run.turns, turns.run.turns]).toEqual([undefined, { visualTokens: 200 }]);
  expect(part(alone.plan, "environments' words")).toBe(0);
  // Above the cache at least the attention of 4 responses' words to prompt and responses, in 16 heads.
  expect(part(turns.plan, "environments' words")).toBeGreaterThan(
    part(turns.plan, "sampling") - part(turns.plan, "prompts"),
  );
  expect(part(turns.plan, "learning, vision tower")).toBeGreaterThan(1.5 * part(alone.plan, "learning, vision tower"));
});

test("a large model's gradient comes as what its pass back keeps becomes less; in several passes it is there from the first on", async () => {
  const inOne = await plan("SmolVLM2-256M", {}, 2);
  expect(inOne.held.map(({ name }) => name)).not.toContain("gradient");
  expect(inOne.host).toBe(
    inOne.held.reduce((sum, { bytes }) => sum + bytes, 0) + Math.max(...inOne.passes.map(({ bytes }) => bytes)),
  );
  expect(part(inOne, "learning, vision tower")).toBeGreaterThan(part(inOne, "gradient"));
  const inTwo = await plan("SmolVLM2-256M", { microbatchTokens: 500 }, 2);
  expect(inTwo.held.map(({ name }) => name)).toContain("gradient");
  expect(part(inTwo, "gradient") + part(inTwo, "learning")).toBeGreaterThan(part(inOne, "gradient"));
});

test("an adapter: the base stays in its files, and a checkpoint holds the adapter alone", async () => {
  const lora = await plan("Qwen2.5-VL-3B", { lora: { rank: 16 } }, 36);
  expect(lora.mapped).toBe(2 * 3_754_622_976);
  // 7 projections of 36 layers of widths 2,048, 256 and 11,008.
  expect(lora.trained).toBe(36 * 16 * (2 * (2048 + 2048) + 2 * (2048 + 256) + 3 * (2048 + 11_008)));
  expect([part(lora, "weights"), part(lora, "adapter")]).toEqual([0, 4 * lora.trained]);
  expect(lora.checkpoint).toBe(12 * lora.trained);
});

test("recomputation and smaller passes take less of a pass back, and nothing else", async () => {
  const [plain, again, small] = [
    await plan("Qwen2.5-VL-3B", { lora: {} }),
    await plan("Qwen2.5-VL-3B", { lora: {}, recompute: true }),
    await plan("Qwen2.5-VL-3B", { lora: {}, microbatchTokens: 448 }),
  ];
  for (const less of [again, small]) {
    expect(part(less, "learning")).toBeLessThan(0.5 * part(plain, "learning"));
    expect(part(less, "scoring")).toBe(part(plain, "scoring"));
  }
});

test("every family has a plan", async () => {
  for (const name of ["Qwen2.5-VL-72B", "Qwen2-VL-2B", "Qwen3-VL-2B", "SmolVLM2-500M"]) {
    const { host, passes } = await plan(name, { lora: { rank: 8 }, recompute: true });
    expect(host, name).toBeGreaterThan(passes.find((one) => one.name === "learning")!.bytes);
  }
});

test("where a run does not fit, what would help is said with what it gives, and too large weights are refused", async () => {
  const model = shape("Qwen2.5-VL-7B", 8);
  const { settings, run } = runOf(model, {}, { memory: 24 * GB });
  const planned = await planOf(model, settings, run);
  expect(fits(planned, 24 * GB)).toBe(false);
  const advice = await adviceFor(model, settings, run, planned);
  expect(advice.map((one) => one.settings).slice(0, 2)).toEqual([
    "lora: { rank: 16 }",
    'optimizer: { moments: "8bit" }',
  ]);
  expect(fits(advice.at(-1)!.plan, 24 * GB)).toBe(true);
  expect(doesNotFit(planned, advice, 24 * GB)).toMatch(
    /^this run needs up to \d+\.\d GB of memory, and there are 24\.0 GB: lora: \{ rank: 16 \} needs \d+\.\d GB; /,
  );
  expect(planTable(planned, advice, 24 * GB).join("\n")).toContain("of 24.0 GB: it does not fit");
  await expect(refuseTooLarge(model, settings, 24 * GB)).rejects.toThrow(
    /take \d+\.\d GB before anything is computed, and this machine has 24\.0 GB: settings: \{ optimizer: \{ moments: "8bit" \} \} takes .* settings: \{ lora: \{ rank: 16 \} \} takes 0\.\d GB; papo plan says/,
  );
  await expect(
    refuseTooLarge(model, { ...settings, lora: parseSettings({ lora: {} }).lora }, 24 * GB),
  ).resolves.toBeUndefined();
});

test("on a device its memory is planned, and what the sampler takes by itself follows from what is free", async () => {
  const device = await plan("Qwen2-VL-2B", { executor: "xla", precision: "bfloat16" });
  expect(device.device).toBeGreaterThan(16 * device.parameters);
  expect(device.host).toBeLessThan(5 * device.parameters);
  const model = shape("Qwen2.5-VL-7B", 2);
  const decoding = async (memory: number): Promise<number> => {
    const { settings, run } = runOf(model, { lora: {} }, { memory });
    return part(await planOf(model, settings, run), "decoding");
  };
  expect(await decoding(8 * GB)).toBe(0);
  expect(await decoding(64 * GB)).toBeGreaterThan(0);
});

test("decoding has the weights of its products once, and one of them twice while it is packed; rows of a table are read where it is", async () => {
  for (const [name, tied] of [
    ["Qwen2.5-VL-3B", true],
    ["Qwen2.5-VL-7B", false],
  ] as const) {
    const model = shape(name, 2);
    const { decoder } = createModel(model.config);
    const { settings, run } = runOf(model, { lora: {} });
    const planned = await planOf(model, settings, run);
    const numbers = [...decoder.parameters.values()].reduce((sum, axes) => sum + axes.reduce((a, b) => a * b, 1), 0);
    const table = decoder.vocabularySize * decoder.hiddenSize;
    expect(part(planned, "decoding"), name).toBe(4 * (tied ? numbers : numbers - table));
    // The head is the largest. 2 × 4 responses of 64 tokens and 2 prompts with keys and values of 2 layers.
    const cached = 2 * (promptLength(run.prompt) + 4 * 64) * 2 * 2 * decoder.keyValueHeads * decoder.headSize;
    expect(part(planned, "decoder's weights"), name).toBe(4 * (table + cached));
    expect(planned.host, name).toBeGreaterThanOrEqual(part(planned, "decoding") + part(planned, "decoder's weights"));
    // Pages of a float32 file are nobody's memory.
    const wide = await planOf({ ...model, typeOf: () => "F32" }, settings, run);
    expect([part(wide, "decoding"), part(wide, "decoder's weights")], name).toEqual([part(planned, "decoding"), 0]);
  }
});

test("where sizes are padded the tower is counted with the padding, forward and back", async () => {
  const model = shape("SmolVLM2-256M", 1);
  const { vision, decoder } = createModel(model.config);
  /** Both passes, of one picture. */
  const tower = async (executor: "onnxruntime" | "xla", tiles: number): Promise<number[]> => {
    const picture: EncodedPicture = { hash: "tiles", grid: [tiles, 32, 32], pixels: new Float32Array() };
    const prompt = { ids: new Int32Array(vision.tokens(picture)).fill(decoder.pictureToken), pictures: [picture] };
    const { settings, run } = runOf(model, { executor });
    const planned = await planOf(model, settings, { ...run, prompts: 1, sampled: 0, prompt });
    return ["encoding a picture", "learning, vision tower"].map((name) => part(planned, name));
  };
  // OpenXLA computes 9 tiles as 10.
  expect(await tower("xla", 9)).toEqual(await tower("xla", 10));
  const [nine, ten] = [await tower("onnxruntime", 9), await tower("onnxruntime", 10)];
  nine.forEach((bytes, pass) => expect(bytes).toBeLessThan(ten[pass]!));
  expect(Math.min(...nine)).toBeGreaterThan(0);
});

test("on WebGPU, which limits arrays, the largest of all passes is known", async () => {
  const { largestArray } = await plan("Qwen2.5-VL-3B", { device: "webgpu" }, 2);
  expect(largestArray).toEqual({
    what: "model.language_model.embed_tokens.weight [151936, 2048]",
    bytes: 4 * 151_936 * 2048,
  });
  expect((await plan("Qwen2.5-VL-3B", {}, 2)).largestArray).toBeNull();
});

test("where freed arrays go back the gradient is counted as it comes, whatever the size of the model", async () => {
  const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));
  const model: PlannedModel = { config: await readModelConfig(folder), typeOf: () => "F32" };
  const planned = (keepFreedMemory: boolean): Promise<MemoryPlan> => {
    const { settings, run } = runOf(model, { keepFreedMemory }, { textTokens: 8, visualTokens: 4 });
    return planOf(model, settings, run);
  };
  const [keeps, handsBack] = [await planned(true), await planned(false)];
  const gradient = 4 * keeps.parameters;
  expect(keeps.held).toContainEqual(expect.objectContaining({ name: "gradient", bytes: gradient }));
  expect(handsBack.held).not.toContainEqual(expect.objectContaining({ name: "gradient" }));
  expect(handsBack.passes).toContainEqual(expect.objectContaining({ name: "gradient", bytes: gradient }));
  expect(handsBack.host).toBeLessThan(keeps.host);
});
