import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GraphLearner } from "../../core/learner/graph-learner.ts";
import type { LearnerBatch, Outputs } from "../../core/learner/learner.ts";
import type { EncodedPrompt } from "../../core/model/model.ts";
import { executors } from "../support/executors.ts";
import {
  completionBatch,
  createLearner,
  encodeMessage,
  type GoldenPart,
  goldenPictures,
  type LoadedModel,
  loadModel,
  maskedRow,
  sampleGreedily,
} from "./loaded-model.ts";
import {
  closest,
  goldenJson,
  goldenTensors,
  type GoldenTensor,
  greyLevel,
  hasPart,
  largestDifference,
  modelCases,
  modelFolders,
  relativeError,
  tensorOf,
} from "./support.ts";

/** What make_models.py and its like write beside the tensors. */
interface CaseInfo {
  readonly texts: readonly string[];
  readonly messages: readonly (readonly GoldenPart[])[];
  readonly prompt_len: number;
  readonly grid_thw: readonly (readonly number[])[];
  readonly loss_f32: number;
  readonly loss_f64: number;
  readonly grad_norms_f32: Readonly<Record<string, number>>;
  readonly grad_norms_f64: Readonly<Record<string, number>>;
  /**
   * Parameters whose gradient is rounding alone in torch's own fp32 (a bias of keys, which softmax ignores): no bar can
   * be asked of them.
   */
  readonly grad_noise?: readonly string[];
  readonly greedy_logps: readonly (readonly number[])[];
}

type Tensors = ReadonlyMap<string, GoldenTensor>;

const bars = { logProb: 2e-5, gradient: 1e-4 };
/** Prompts as the project encodes them; their pixels replaced by the golden ones where the case has them. */
async function encodeCase(model: LoadedModel, info: CaseInfo, tensors: Tensors) {
  const encoded = await Promise.all(info.messages.map((parts) => encodeMessage(model, parts)));
  const pixels = tensors.get("pixel_values");
  const golden = pixels ? goldenPictures(pixels, info.grid_thw) : encoded.flatMap(({ prompt }) => prompt.pictures);
  let next = 0;
  const prompts: EncodedPrompt[] = encoded.map(({ prompt }) => ({
    ids: prompt.ids,
    pictures: prompt.pictures.map(() => golden[next++] ?? fail("fewer golden pictures than the prompts have")),
  }));
  return { texts: encoded.map(({ text }) => text), own: encoded.map(({ prompt }) => prompt), prompts };
}

function fail(message: string): never {
  throw new Error(message);
}

async function readCase(name: string): Promise<{ info: CaseInfo; tensors: Tensors }> {
  const info = goldenJson<CaseInfo>(`models/${name}.json`);
  const tensors = await goldenTensors(`models/${name}.safetensors`);
  return info && tensors ? { info, tensors } : fail(`models/${name}.json or models/${name}.safetensors is missing`);
}

/** d mean(−log-prob) / d log-probs, [B, T]. */
function meanCotangent({ rows }: LearnerBatch, tensors: Tensors): Outputs {
  const mask = tensorOf(tensors, "completion_mask").data;
  const count = rows.reduce((total, { tokens }) => total + tokens.length, 0);
  return { logProbs: Float32Array.from(mask, (m) => -m / count) };
}

function expectGradients(learner: GraphLearner, info: CaseInfo, tensors: Tensors): void {
  const norm = (data: ArrayLike<number>): number =>
    Math.sqrt(Array.from(data).reduce((sum: number, g) => sum + g * g, 0));
  const offNorms = Object.keys(info.grad_norms_f64).flatMap((name) => {
    const own = norm(learner.gradients.get(name) ?? []);
    const errors = [info.grad_norms_f32[name] ?? NaN, info.grad_norms_f64[name] ?? NaN].map(
      (golden) => Math.abs(own - golden) / golden,
    );
    return Math.min(...errors) <= bars.gradient ? [] : [`${name}: ${own}, golden ${info.grad_norms_f64[name]}`];
  });
  expect(offNorms).toEqual([]);
  const strangers = [...learner.gradients]
    .filter(([name, data]) => !(name in info.grad_norms_f64) && !info.grad_noise?.includes(name) && norm(data) > 0)
    .map(([name]) => name);
  expect(strangers, "parameters with a gradient here and none in torch").toEqual([]);
  const whole = [...new Set([...tensors.keys()].flatMap((key) => /^grad\.(.*)\.f(?:32|64)$/.exec(key)?.[1] ?? []))];
  expect(whole.length).toBeGreaterThan(0);
  const off = whole.map(
    (name) =>
      [
        name,
        closest(tensors, `grad.${name}`, ({ data }) => relativeError(learner.gradients.get(name) ?? [], data)),
      ] as const,
  );
  expect(off.filter(([, error]) => !(error <= bars.gradient))).toEqual([]);
}

const there = hasPart("models");
const cases = there ? modelCases() : [];
const modelOf = (name: string): string => name.slice(0, name.lastIndexOf("."));

// A file without tests would be an error.
test.skipIf(there)("models", ({ skip }) => skip());

describe
  .skipIf(!there)
  .each(cases.flatMap((name) => executors.map((executor) => ({ name, executor, on: executor.name }))))(
  "$name on $on",
  ({ name, executor }) => {
    let model: LoadedModel;
    let info: CaseInfo;
    let tensors: Tensors;
    let encoded: Awaited<ReturnType<typeof encodeCase>>;
    let batch: LearnerBatch;

    beforeAll(async () => {
      model = await loadModel(modelOf(name), executor);
      ({ info, tensors } = await readCase(name));
      encoded = await encodeCase(model, info, tensors);
      batch = completionBatch(
        encoded.prompts,
        tensorOf(tensors, "completion_ids"),
        tensorOf(tensors, "completion_mask"),
      );
    });
    afterAll(() => model.runtime.release());

    test("prompt texts and tokens", () => {
      expect(encoded.texts).toEqual(info.texts);
      const [ids, attention] = [tensorOf(tensors, "input_ids"), tensorOf(tensors, "attention_mask")];
      encoded.own.forEach((prompt, row) =>
        expect([...prompt.ids]).toEqual(maskedRow(ids, attention, row, 0, info.prompt_len)),
      );
    });

    test("pictures: grids, and pixels within two grey levels on 99.9 %", () => {
      const pictures = encoded.own.flatMap((prompt) => prompt.pictures);
      expect(pictures.map(({ grid }) => [...grid])).toEqual(info.grid_thw);
      const golden = encoded.prompts.flatMap((prompt) => prompt.pictures);
      pictures.forEach(({ pixels, layout }, i) => {
        const level = greyLevel(layout!);
        const far = pixels.filter(
          (value, at) => Math.abs(value - (golden[i]?.pixels[at] ?? NaN)) > 2.01 * level,
        ).length;
        expect(far / pixels.length).toBeLessThanOrEqual(0.001);
      });
    });

    test("rotary positions of prompts and completions", () => {
      const [positions, attention] = [tensorOf(tensors, "position_ids"), tensorOf(tensors, "attention_mask")];
      const [, B = 0, length = 0] = positions.shape;
      encoded.prompts.forEach((prompt, row) => {
        const { components, next } = model.runtime.model.decoder.positions(prompt);
        const responses = batch.rows[row]?.tokens.length ?? 0;
        for (let component = 0; component < 3; component++) {
          const own = [
            ...components.subarray(component * prompt.ids.length, (component + 1) * prompt.ids.length),
            ...Array.from({ length: responses }, (_, i) => next + i),
          ];
          const start = (component * B + row) * length;
          const golden = [...positions.data.subarray(start, start + length)].filter(
            (_, i) => attention.data[row * length + i] === 1,
          );
          expect(own, `row ${row}, component ${component}`).toEqual(golden);
        }
      });
    });

    test("features of the vision tower", async () => {
      const pictures = encoded.prompts.flatMap((prompt) => prompt.pictures);
      const features = await model.runtime.pictures.of(encoded.prompts);
      const { vision, decoder } = model.runtime.model;
      /**
       * Column block `k` of all pictures' features: the embeddings, then what the decoder adds after its first layers.
       */
      const own = (k: number): number[] =>
        pictures.flatMap(({ hash }) => {
          const rows = features.get(hash) ?? new Float32Array();
          return [...rows].filter((_, i) => Math.floor((i % vision.featureWidth) / decoder.hiddenSize) === k);
        });
      if (pictures.length === 0) expect(own(0)).toEqual([]);
      else expect(closest(tensors, "vision_embeds", ({ data }) => relativeError(own(0), data))).toBeLessThan(1e-5);
      const deep =
        pictures.length === 0
          ? []
          : Array.from({ length: decoder.deepFeatures }, (_, k) =>
              closest(tensors, `deepstack.${k}`, ({ data }) => relativeError(own(k + 1), data)),
            );
      expect(deep.filter((error) => !(error < 1e-5))).toEqual([]);
    });

    test("log-probs, entropy and loss", async () => {
      const { logProbs, entropy } = await createLearner(model, 4096).score(batch, ["logProbs", "entropy"]);
      const chunked = await createLearner(model, 4096, { vocabularyChunk: 100 }).score(batch, ["logProbs", "entropy"]);
      expect(largestDifference(chunked.logProbs ?? [], logProbs ?? [])).toBeLessThan(1e-5);
      expect(largestDifference(chunked.entropy ?? [], entropy ?? [])).toBeLessThan(1e-5);
      expect(closest(tensors, "logps", ({ data }) => largestDifference(logProbs ?? [], data))).toBeLessThanOrEqual(
        bars.logProb,
      );
      expect(closest(tensors, "entropy", ({ data }) => largestDifference(entropy ?? [], data))).toBeLessThanOrEqual(
        bars.logProb,
      );
      const count = batch.rows.reduce((total, { tokens }) => total + tokens.length, 0);
      const loss = -Array.from(logProbs ?? []).reduce((sum, value) => sum + value, 0) / count;
      expect(Math.min(Math.abs(loss - info.loss_f32), Math.abs(loss - info.loss_f64))).toBeLessThanOrEqual(
        bars.logProb,
      );
    });

    const prompts = goldenJson<CaseInfo>(`models/${name}.json`)?.messages.length ?? 0;
    test.each<[string, number, Parameters<typeof createLearner>[2]]>([
      ["whole", 4096 * 16, {}],
      // One token a pass cuts every prompt from the others: the results may not depend on it.
      ...(prompts > 1 ? [["in pieces", 1, {}] as [string, number, object]] : []),
      ["whole, layers computed again, the vocabulary in chunks", 4096 * 16, { recompute: true, vocabularyChunk: 100 }],
      ["whole, attention in blocks", 4096 * 16, { longRow: 1 }],
    ])("gradients, the batch %s", async (_, microbatchTokens, options) => {
      const learner = createLearner(model, microbatchTokens, options);
      await learner.backward(batch, meanCotangent(batch, tensors));
      expectGradients(learner, info, tensors);
    });

    test("greedy tokens of the sampler, and their log-probs", async () => {
      const [ids, margin] = [tensorOf(tensors, "greedy_ids"), tensorOf(tensors, "greedy_margin")];
      const length = ids.shape[1] ?? 0;
      for (const { request, tokens, logProbs } of await sampleGreedily(model, encoded.prompts, length)) {
        const golden = [...ids.data.subarray(request * length, (request + 1) * length)];
        const parted = golden.findIndex((id, at) => id !== tokens[at]);
        // Where two tokens are as good as equally likely either is right, and what follows is another text.
        if (parted >= 0)
          expect(margin.data[request * length + parted], `row ${request} differs at token ${parted}`).toBeLessThan(
            1e-3,
          );
        const equal = parted >= 0 ? parted : length;
        expect(
          largestDifference(logProbs.subarray(0, equal), (info.greedy_logps[request] ?? []).slice(0, equal)),
        ).toBeLessThanOrEqual(bars.logProb);
      }
    });
  },
);

/** Folders without cases of their own that hold another folder's weights under a hub-style config. */
const twins = (there ? modelFolders() : []).flatMap((folder) => {
  const original = /^(.*)-flat-config$/.exec(folder)?.[1];
  return original === undefined
    ? []
    : cases.filter((name) => modelOf(name) === original).map((name) => [folder, name] as const);
});

describe.skipIf(twins.length === 0).each(twins)("%s like %s", (folder, name) => {
  test("tokens and log-probs", async () => {
    const model = await loadModel(folder);
    const { info, tensors } = await readCase(name);
    const encoded = await encodeCase(model, info, tensors);
    expect(encoded.texts).toEqual(info.texts);
    const [ids, attention] = [tensorOf(tensors, "input_ids"), tensorOf(tensors, "attention_mask")];
    encoded.own.forEach((prompt, row) =>
      expect([...prompt.ids]).toEqual(maskedRow(ids, attention, row, 0, info.prompt_len)),
    );
    const batch = completionBatch(
      encoded.prompts,
      tensorOf(tensors, "completion_ids"),
      tensorOf(tensors, "completion_mask"),
    );
    const { logProbs } = await createLearner(model, 4096).score(batch, ["logProbs"]);
    await model.runtime.release();
    expect(closest(tensors, "logps", ({ data }) => largestDifference(logProbs ?? [], data))).toBeLessThanOrEqual(
      bars.logProb,
    );
  });
});
