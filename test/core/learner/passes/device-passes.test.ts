import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { loadXla, xlaSetup } from "../../../../core/graph/xla/client/plugin.ts";
import type { XlaOptions } from "../../../../core/graph/xla/executor.ts";
import type { Executor } from "../../../../core/graph/executor.ts";
import { sideBySide } from "../../../../core/learner/passes/device-passes.ts";
import { GraphLearner } from "../../../../core/learner/graph-learner.ts";
import type { LearnerBatch } from "../../../../core/learner/learner.ts";
import { paddedTokens } from "../../../../core/learner/passes/microbatches.ts";
import { modelStore } from "../../../../core/learner/weight-store.ts";
import { loadModelFolder } from "../../../../core/model/files/folder.ts";
import { Processor } from "../../../../core/model/processing/processor.ts";
import { createModel } from "../../../../core/model/registry.ts";
import { paddedExtent } from "../../../../core/model/rows/sizes.ts";
import { ModelRuntime } from "../../../../core/model/runtime.ts";
import { largestDifference, relativeError } from "../../../golden/support.ts";

const folder = fileURLToPath(new URL("../../../golden/cases/models/tiny", import.meta.url));
// With the usual epsilon AdamW's first step goes by the signs of gradients, of those that are rounding alone too.
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-2, weightDecay: 0.01, maxGradientNorm: 1, freeze: [] };
const text = (from: number, length: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => 1 + ((from + 7 * i) % 300));
const opened: { release(): Promise<void> }[] = [];
const executors: Executor[] = [];
afterAll(async () => {
  for (const one of opened) await one.release();
  for (const executor of executors) await executor.close?.();
});

/** Five prompts, one with a picture, with responses of very different lengths. */
async function batchOf(): Promise<LearnerBatch> {
  const processor = await Processor.load(folder);
  const picture = processor.encodePicture({
    width: 56,
    height: 56,
    source: "grey",
    data: new Uint8Array(56 * 56 * 3).fill(90),
  });
  const lengths = [[9, 7], [3], [12, 1, 2], [6, 4], [5]];
  return {
    prompts: [
      processor.encodePromptWith({ prompt: "<image>What is it?" }, [picture]),
      ...[5, 9, 14, 4].map((length) => ({ ids: text(3 * length, length), pictures: [] })),
    ],
    rows: lengths.flatMap((own, prompt) =>
      own.map((length, i) => ({ prompt, tokens: text(40 * prompt + 3 * i, length) })),
    ),
    temperature: 0.9,
  };
}

test("microbatches go to devices in lists of like sizes, each row once, none above the limit", async () => {
  const batch = await batchOf();
  for (const [tokens, devices] of [
    [1024, 4],
    [64, 2],
    [64, 3],
    [1, 4],
  ] as const) {
    const lists = sideBySide(batch, tokens, devices);
    const sizes = lists.map((list) => list.map(({ groups }) => paddedTokens(batch, groups, paddedExtent)));
    expect(
      lists
        .flat()
        .flatMap(({ groups }) => groups.flatMap(({ rows }) => rows))
        .sort((a, b) => a - b),
    ).toEqual([...batch.rows.keys()]);
    expect(lists.slice(0, -1).every((list) => list.length === devices)).toBe(true);
    expect(sizes.flat()).toEqual([...sizes.flat()].sort((a, b) => b - a));
    // A row alone may be longer.
    const alone = Math.max(
      ...batch.rows.map((_, row) =>
        paddedTokens(batch, [{ prompt: batch.rows[row]!.prompt, rows: [row] }], paddedExtent),
      ),
    );
    expect(Math.max(...sizes.flat())).toBeLessThanOrEqual(Math.max(tokens, alone));
  }
  expect(sideBySide(batch, 1024, 4)).toHaveLength(1);
  expect(sideBySide(batch, 1024, 4)[0]!.length).toBeGreaterThan(1);
});

interface Learning {
  readonly learner: GraphLearner;
  readonly runtime: ModelRuntime;
}

async function learnerOn(executor: Executor): Promise<Learning> {
  const { config, weights } = await loadModelFolder(folder, (one) => createModel(one).parameters);
  const runtime = new ModelRuntime(createModel(config), weights, executor);
  const learner = new GraphLearner(runtime, { optimizer, microbatchTokens: 128, store: modelStore(runtime, folder) });
  executors.push(executor);
  opened.push(learner, runtime);
  return { learner, runtime };
}

const cotangents = (batch: LearnerBatch): Float32Array =>
  Float32Array.from(
    { length: batch.rows.length * Math.max(...batch.rows.map(({ tokens }) => tokens.length)) },
    (_, i) => Math.sin(i),
  );

/** Log-probs, gradients, and the weights after two updates. */
async function learned({ learner, runtime }: Learning, updates = 2) {
  const batch = await batchOf();
  const [given, gradients] = [cotangents(batch), [] as ReadonlyMap<string, Float32Array>[]];
  const { logProbs } = await learner.score(batch, ["logProbs"]);
  for (let i = 0; i < updates; i++) {
    await learner.backward(batch, { logProbs: given });
    gradients.push(new Map([...learner.gradients].map(([name, data]) => [name, data.slice()])));
    await learner.step({ learningRate: 1e-3 });
  }
  return {
    logProbs: logProbs!,
    gradients,
    weights: new Map([...runtime.trained()].map(([name, { data }]) => [name, data.slice()])),
  };
}

const largest = (
  wanted: ReadonlyMap<string, Float32Array>,
  found: ReadonlyMap<string, Float32Array>,
  by: (a: Float32Array, b: Float32Array) => number,
): number => Math.max(...[...wanted].map(([name, array]) => by(found.get(name)!, array)));

const layouts: readonly XlaOptions[] = [{ devices: 4 }, { devices: 4, sharding: "replicated" }, { devices: 3 }];

describe.skipIf(xlaSetup() === null)("on several devices (where `papo setup xla` has been run)", () => {
  test.each(layouts)(
    "losses, gradients and updates are those of one device: $devices, $sharding",
    async (options) => {
      const [alone, together] = [
        await learned(await learnerOn(loadXla())),
        await learned(await learnerOn(loadXla(options))),
      ];
      expect(largestDifference(together.logProbs, alone.logProbs)).toBeLessThan(1e-5);
      alone.gradients.forEach((gradients, update) =>
        expect(largest(gradients, together.gradients[update]!, relativeError)).toBeLessThan(1e-5),
      );
      expect(largest(alone.weights, together.weights, largestDifference)).toBeLessThan(1e-5);
    },
    600_000,
  );

  test("a checkpoint of four devices goes on on one, and the other way round", async () => {
    const folderOf = (): string => join(mkdtempSync(join(tmpdir(), "devices-")), "policy");
    const wanted = await learned(await learnerOn(new OnnxExecutor({ threads: 1 })), 2);
    for (const [first, second] of [
      [4, 1],
      [1, 4],
    ] as const) {
      const [from, saved] = [await learnerOn(loadXla({ devices: first })), folderOf()];
      await learned(from, 1);
      await from.learner.save(saved);
      const to = await learnerOn(loadXla({ devices: second }));
      await to.learner.load(saved);
      expect(existsSync(join(saved, "optimizer.safetensors"))).toBe(true);
      const { weights } = await learned(to, 1);
      expect(largest(wanted.weights, weights, largestDifference)).toBeLessThan(1e-5);
    }
  }, 600_000);

  test("more devices than there are is refused with how many there are", () => {
    expect(() => loadXla({ devices: 5 })).toThrow(
      /devices is 5: \w+ has 4 here, and a run takes at least 1 and at most/,
    );
  });
});
