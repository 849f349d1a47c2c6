import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { loadXla, xlaSetup } from "../../../../core/graph/xla/client/plugin.ts";
import type { Executor } from "../../../../core/graph/executor.ts";
import { GraphLearner } from "../../../../core/learner/graph-learner.ts";
import type { LearnerBatch } from "../../../../core/learner/learner.ts";
import { loadModelFolder } from "../../../../core/model/files/folder.ts";
import { Processor } from "../../../../core/model/processing/processor.ts";
import { createModel } from "../../../../core/model/registry.ts";
import { ModelRuntime } from "../../../../core/model/runtime.ts";
import { largestDifference, relativeError } from "../../../golden/support.ts";

const folder = fileURLToPath(new URL("../../../golden/cases/models/tiny", import.meta.url));
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1, freeze: [] };
const runtimes: ModelRuntime[] = [];
afterAll(async () => {
  for (const runtime of runtimes) await runtime.release();
});

async function learnerOn(executor: Executor, sharedRows: boolean): Promise<GraphLearner> {
  const { config, weights } = await loadModelFolder(folder, (one) => createModel(one).parameters);
  const runtime = new ModelRuntime(createModel(config), weights, executor, { passes: { sharedRows } });
  runtimes.push(runtime);
  return new GraphLearner(runtime, { optimizer, microbatchTokens: 512, recompute: true });
}

type Size = readonly [width: number, height: number];

/** Of 35 and of 36 visual tokens, in 12 and in 9 windows. */
const [wide, square]: readonly Size[] = [
  [196, 140],
  [168, 168],
] as const;

/** Three prompts, one with a picture, whose responses have beginnings in common and differ in length. */
async function batchOf(shift: number, [width, height] = wide!): Promise<LearnerBatch> {
  const processor = await Processor.load(folder);
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7 + shift) % 251);
  const picture = processor.encodePicture({ width, height, source: "stripes", data });
  const text = (from: number, length: number) => Int32Array.from({ length }, (_, i) => 1 + ((from + 7 * i) % 300));
  return {
    prompts: [
      processor.encodePromptWith({ prompt: "<image>What is it?" }, [picture]),
      ...[5, 9].map((length) => ({ ids: text(3, length), pictures: [] })),
    ],
    rows: [
      { prompt: 0, tokens: text(40 + shift, 9) },
      { prompt: 0, tokens: Int32Array.of(...text(40 + shift, 5), 17, 18) },
      { prompt: 1, tokens: text(80, 3) },
      { prompt: 2, tokens: text(90, 6) },
      { prompt: 2, tokens: text(90, 4) },
    ],
    temperature: 0.9,
  };
}

const cotangents = Float32Array.from({ length: 45 }, (_, i) => Math.sin(i));

test.each([true, false])(
  "sizes brought to few ones change no log-prob and no gradient (rows shared: %s)",
  async (sharedRows) => {
    const plain = new OnnxExecutor({ threads: 1 });
    const fixed = Object.assign(new OnnxExecutor({ threads: 1 }), { fixedSizes: true });
    const [exact, padded] = [await learnerOn(plain, sharedRows), await learnerOn(fixed, sharedRows)];
    const batch = await batchOf(0);
    const scaled = (factor: number): Float32Array => cotangents.map((x) => factor * x);
    const outputs = {
      logProbs: cotangents,
      pictureSimilarity: scaled(0.1),
      "pictureAttention(0)": scaled(1),
      "pictureAlignment(-1)": scaled(0.1),
    };
    const [found, wanted] = [await padded.backward(batch, outputs), await exact.backward(batch, outputs)];
    for (const output of Object.keys(outputs) as (keyof typeof outputs)[])
      expect(largestDifference(found[output]!, wanted[output]!), output).toBeLessThan(1e-5);
    for (const [name, gradient] of exact.gradients)
      expect([name, relativeError(padded.gradients.get(name)!, gradient)]).toEqual([name, expect.closeTo(0, 4)]);
  },
);

test.skipIf(xlaSetup() === null)(
  "batches of equal prompts, responses and lengths compile nothing anew, whatever their tokens and pictures (OpenXLA)",
  async () => {
    const xla = loadXla();
    const [learner, exact] = [await learnerOn(xla, true), await learnerOn(new OnnxExecutor({ threads: 1 }), true)];
    await learner.backward(await batchOf(0), { logProbs: cotangents });
    await learner.step({ learningRate: 0 });
    const before = xla.counts;
    for (const [shift, size] of [
      [1, square],
      [40, wide],
    ] as const) {
      const batch = await batchOf(shift, size);
      const [found, wanted] = [learner, exact].map((one) => one.backward(batch, { logProbs: cotangents }));
      expect(largestDifference((await found!).logProbs!, (await wanted!).logProbs!)).toBeLessThan(1e-5);
      const [ours, theirs] = [learner.gradients, exact.gradients];
      for (const [name, gradient] of theirs)
        expect([name, relativeError(ours.get(name)!, gradient)]).toEqual([name, expect.closeTo(0, 4)]);
      for (const one of [learner, exact]) await one.step({ learningRate: 0 });
    }
    expect({ ...xla.counts, sizesKnown: 0, known: 0 }).toEqual({ ...before, sizesKnown: 0, known: 0 });
    expect(xla.counts.sizesKnown).toBeGreaterThan(before.sizesKnown);
  },
);
