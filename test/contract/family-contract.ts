/** What every model family must do, whatever it is made of: run on a small folder of its own. */
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LearnerBatch } from "../../core/learner/learner.ts";
import { GraphLearner } from "../../core/learner/graph-learner.ts";
import { loadModelFolder, saveModelFolder } from "../../core/model/files/folder.ts";
import type { EncodedPrompt } from "../../core/model/model.ts";
import type { Picture } from "../../core/model/processing/picture.ts";
import { Processor } from "../../core/model/processing/processor.ts";
import { createModel } from "../../core/model/registry.ts";
import { ModelRuntime } from "../../core/model/runtime.ts";
import type { GeneratedResponse } from "../../core/rollout/engine.ts";
import { OnnxRolloutEngine } from "../../core/rollout/onnx-engine.ts";
import { executors } from "../support/executors.ts";
import { largestDifference } from "../golden/support.ts";

type Json = Record<string, unknown>;

/** @param folder a small model of the family, `model_type` `type` */
export function testFamily(type: string, folder: string): void {
  describe(type, () => {
    let scratch: string;
    let processor: Processor;
    let runtime: ModelRuntime;
    let prompts: EncodedPrompt[];
    beforeAll(async () => {
      scratch = await mkdtemp(join(tmpdir(), "family-"));
      processor = await Processor.load(folder);
      runtime = await open(folder);
      const pictures = [draw(60, 44), draw(30, 90)] as const;
      prompts = [
        processor.encodePrompt({ prompt: "Count to 3." }),
        processor.encodePrompt({ prompt: "<image>What shape is it, and which colour?" }, [pictures[0]]),
        processor.encodePrompt({ prompt: "Compare <image> with <image>." }, [...pictures]),
      ];
    });
    afterAll(async () => {
      await runtime.release();
      await rm(scratch, { recursive: true });
    });

    test("sampler, scorer and learner give the same log-probs", async () => {
      await expectParity(runtime, prompts);
    });

    test("padding is inert: a prompt alone, among others, in its own rows and in shared ones", async () => {
      const batch = await sampled(runtime, prompts);
      const whole = await score(runtime, batch);
      const alone = await Promise.all(
        batch.rows.map((row) =>
          score(runtime, { ...batch, prompts: [batch.prompts[row.prompt]!], rows: [{ ...row, prompt: 0 }] }),
        ),
      );
      expect(largestDifference(whole, padded(alone.map((scores) => [...scores])))).toBeLessThan(1e-5);
      const unshared = await open(folder, false);
      expect(largestDifference(await score(unshared, batch), whole)).toBeLessThan(1e-5);
      await unshared.release();
    });

    test("visual tokens that are dropped are read by nobody, and the others stay where they were", async () => {
      const [, one, two] = prompts as [EncodedPrompt, EncodedPrompt, EncodedPrompt];
      const dropping = (prompt: EncodedPrompt): EncodedPrompt => {
        const tokens = prompt.pictures.reduce((total, picture) => total + processor.images.tokens(picture), 0);
        return { ...prompt, dropped: Uint8Array.from({ length: tokens }, (_, token) => Number(token % 3 !== 1)) };
      };
      await expectParity(runtime, [dropping(one), two, dropping(two)]);
      const all = { ...one, dropped: new Uint8Array(processor.images.tokens(one.pictures[0]!)).fill(1) };
      const other = {
        ...all,
        pictures: one.pictures.map((picture) => ({
          ...picture,
          hash: "black",
          pixels: new Float32Array(picture.pixels.length),
        })),
      };
      const rows = [{ prompt: 0, tokens: Int32Array.of(1, 2, 3) }];
      const [seen, unseen, whole] = await Promise.all(
        [all, other, one].map((prompt) => score(runtime, { prompts: [prompt], rows, temperature: 1 })),
      );
      expect(largestDifference(seen!, unseen!)).toBe(0);
      expect(largestDifference(seen!, whole!)).toBeGreaterThan(1e-4);
      expect(runtime.model.decoder.positions(all)).toEqual(runtime.model.decoder.positions(one));
    });

    test("what its tower looks at is a number for each visual token, all patches' attention in sum", async () => {
      const [picture] = prompts[1]!.pictures as [EncodedPrompt["pictures"][number]];
      const received = await runtime.pictures.attention(picture);
      expect(received.length).toBe(processor.images.tokens(picture));
      const [tiles, height, width] = picture.grid;
      expect(received.reduce((sum, value) => sum + value, 0)).toBeCloseTo(tiles * height * width, 2);
    });

    test("a saved folder is the same model: files byte for byte, fields nobody knows, every end token, names of tensors", async () => {
      const source = join(scratch, "source");
      cpSync(folder, source, { recursive: true });
      edit(source, "config.json", (config) => ({ ...config, of_tomorrow: { deep: [1, 2] } }));
      const { weights } = await loadModelFolder(source, shapesOf);
      const target = join(scratch, "saved");
      await saveModelFolder(target, { weights, source, type: "F32" });
      for (const name of readdirSync(source).filter((file) => !file.startsWith("model") && file !== "config.json")) {
        expect(readFileSync(join(target, name)).equals(readFileSync(join(source, name))), name).toBe(true);
      }
      expect(withoutTypes(read(target, "config.json"))).toEqual(withoutTypes(read(source, "config.json")));
      expect((await Processor.load(target)).stopTokens).toEqual(processor.stopTokens);
      const back = await loadModelFolder(target, shapesOf);
      for (const [name, { data }] of weights) expect(back.weights.get(name)?.data, name).toEqual(data);
    });

    test.each(damages)("a folder %s ends in one clear error", async (_, damage, message) => {
      const broken = join(scratch, "broken");
      cpSync(folder, broken, { recursive: true });
      damage(broken);
      const error = await Promise.all([loadModelFolder(broken, shapesOf), Processor.load(broken)]).then(
        () => "no error",
        (cause: Error) => cause.message,
      );
      rmSync(broken, { recursive: true });
      expect(error).toMatch(message);
    });
  });
}

const shapesOf = (config: Parameters<typeof createModel>[0]) => createModel(config).parameters;

async function open(folder: string, sharedRows = true): Promise<ModelRuntime> {
  const { config, weights } = await loadModelFolder(folder, shapesOf);
  return new ModelRuntime(createModel(config), weights, executors[0]!, { passes: { sharedRows } });
}

/** Gradients and stripes: nothing that a resize leaves unchanged. */
const draw = (width: number, height: number): Picture => ({
  width,
  height,
  source: `${width}×${height}`,
  data: Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => [(4 * (i % (3 * width))) / 3, i / (3 * height), 128 + 100 * Math.sin(i / 11)][i % 3]! % 256,
  ),
});

function learnerOf(runtime: ModelRuntime): GraphLearner {
  const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1, freeze: [] };
  return new GraphLearner(runtime, { optimizer, microbatchTokens: 8192 });
}

const score = async (runtime: ModelRuntime, batch: LearnerBatch): Promise<Float32Array> =>
  (await learnerOf(runtime).score(batch, ["logProbs"])).logProbs!;

/** Two responses of each prompt; the sampler's log-probs beside. */
async function sample(
  runtime: ModelRuntime,
  prompts: readonly EncodedPrompt[],
): Promise<{ batch: LearnerBatch; responses: GeneratedResponse[] }> {
  const responses: GeneratedResponse[] = [];
  const sampling = { temperature: 1, topP: 1, topK: 0, maxNewTokens: 6, stopTokens: [], bannedTokens: [] };
  const requests = prompts.map((prompt, index) => ({
    prompt,
    count: 2,
    keys: [
      [index, 1],
      [index, 2],
    ] as const,
  }));
  await new OnnxRolloutEngine(runtime).generate(requests, sampling, (response) => responses.push(response));
  responses.sort((a, b) => a.request - b.request || a.index - b.index);
  return {
    batch: { prompts, rows: responses.map(({ request, tokens }) => ({ prompt: request, tokens })), temperature: 1 },
    responses,
  };
}

/** The same with responses of different lengths. */
async function sampled(runtime: ModelRuntime, prompts: readonly EncodedPrompt[]): Promise<LearnerBatch> {
  const { batch } = await sample(runtime, prompts);
  return {
    ...batch,
    rows: batch.rows.map(({ prompt, tokens }, row) => ({ prompt, tokens: tokens.slice(0, 2 + (row % 5)) })),
  };
}

async function expectParity(runtime: ModelRuntime, prompts: readonly EncodedPrompt[]): Promise<void> {
  const { batch, responses } = await sample(runtime, prompts);
  const learner = learnerOf(runtime);
  const { logProbs } = await learner.score(batch, ["logProbs"]);
  expect(
    largestDifference(
      logProbs!,
      responses.flatMap((response) => [...response.logProbs]),
    ),
  ).toBeLessThan(2e-5);
  const again = await learner.backward(batch, { logProbs: new Float32Array(logProbs!.length).fill(1) });
  expect(largestDifference(logProbs!, again.logProbs!)).toBeLessThan(1e-5);
  const moved = [...learner.gradients].filter(([, gradient]) => gradient.some((value) => value !== 0)).length;
  expect(moved).toBe(runtime.model.parameters.size);
}

/** Rows of different lengths as one array [B, T]. */
function padded(rows: readonly (readonly number[])[]): number[] {
  const T = Math.max(...rows.map((row) => row.length));
  return rows.flatMap((row) => [...row, ...new Array<number>(T - row.length).fill(0)]);
}

const read = (folder: string, name: string): Json => JSON.parse(readFileSync(join(folder, name), "utf8")) as Json;
const edit = (folder: string, name: string, change: (content: Json) => Json): void =>
  writeFileSync(join(folder, name), JSON.stringify(change(read(folder, name))));
const editText = (folder: string, change: Json): void =>
  edit(folder, "config.json", (config) => ({
    ...config,
    text_config: { ...(config["text_config"] as Json), ...change },
  }));
const editVision = (folder: string, change: Json): void =>
  edit(folder, "config.json", (config) => ({
    ...config,
    vision_config: { ...(config["vision_config"] as Json), ...change },
  }));
const editPictures = (folder: string, change: Json): void =>
  edit(folder, "processor_config.json", (config) => ({
    ...config,
    image_processor: { ...(config["image_processor"] as Json), ...change },
  }));
const weightFile = (folder: string): string =>
  join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".safetensors"))!,
  );

/** A config without what saving sets: the type of the weights, at three levels. */
function withoutTypes(config: Json): Json {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key !== "dtype")
      .map(([key, value]) => [key, key.endsWith("_config") ? withoutTypes(value as Json) : value]),
  );
}

const damages: [string, (folder: string) => void, RegExp][] = [
  [
    "without weights",
    (folder) =>
      readdirSync(folder)
        .filter((name) => name.startsWith("model"))
        .forEach((name) => rmSync(join(folder, name))),
    /holds neither model\.safetensors nor/,
  ],
  [
    "whose weights are cut short",
    (folder) => truncateSync(weightFile(folder), 3000),
    /not a usable safetensors file.*truncated/,
  ],
  ["without a config", (folder) => rmSync(join(folder, "config.json")), /holds no config\.json: is it a model folder/],
  [
    "whose config is no object",
    (folder) => writeFileSync(join(folder, "config.json"), "[]"),
    /config\.json holds no JSON object/,
  ],
  [
    "without a tokenizer",
    (folder) => rmSync(join(folder, "tokenizer.json")),
    /holds no tokenizer\.json: write one with/,
  ],
  [
    "whose tokenizer is empty",
    (folder) => writeFileSync(join(folder, "tokenizer.json"), "{}"),
    /tokenizer\.json cannot be used/,
  ],
  [
    "without picture settings",
    (folder) => rmSync(join(folder, "processor_config.json")),
    /it needs preprocessor_config\.json/,
  ],
  [
    "whose pictures are resized in another way",
    (folder) => editPictures(folder, { resample: 0 }),
    /processor_config\.json.*resample/s,
  ],
  [
    "whose pictures are normalised by too few numbers",
    (folder) => editPictures(folder, { image_mean: [0.5] }),
    /processor_config\.json.*image_mean/s,
  ],
  [
    "of heads that do not divide",
    (folder) => editText(folder, { num_attention_heads: 7, head_dim: null }),
    /config\.json: .*(head|divisible)/,
  ],
  [
    "of another depth",
    (folder) => editText(folder, { num_hidden_layers: 5, layer_types: null }),
    /not those that its config\.json describes; missing: .*layers\.\d/,
  ],
  [
    "of a billion layers",
    (folder) => editText(folder, { num_hidden_layers: 1e9 }),
    /num_hidden_layers is 1000000000, allowed is at most 1000/,
  ],
  ["of a negative width", (folder) => editText(folder, { intermediate_size: -1 }), /text_config\.intermediate_size/],
  [
    "of a vocabulary too small for its tokens",
    (folder) => editText(folder, { vocab_size: 16 }),
    /token \d+ is outside vocab_size 16/,
  ],
  [
    "of another vocabulary than its tokenizer's",
    (folder) => edit(folder, "config.json", (config) => ({ ...config, image_token_id: 500_000 })),
    /outside vocab_size/,
  ],
  ["of another activation", (folder) => editText(folder, { hidden_act: "relu" }), /text_config\.hidden_act/],
  [
    "of rotary positions of another kind",
    (folder) => editText(folder, { rope_parameters: { rope_type: "yarn", rope_theta: 1e6 } }),
    /rotary positions of type "yarn"/,
  ],
  [
    "of a tower whose activation is another",
    (folder) => editVision(folder, { hidden_act: "relu" }),
    /vision_config\.hidden_act/,
  ],
  [
    "of a tower of four channels",
    (folder) => editVision(folder, { in_channels: 4, num_channels: 4 }),
    /vision_config\.(in|num)_channels/,
  ],
  ["of a tower of another patch", (folder) => editVision(folder, { patch_size: 10 }), /patch|window|divisible|seq_len/],
];
