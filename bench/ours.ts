/**
 * This project's side: `node --import tsx bench/ours.ts <workload as JSON> <model folder> [settings as JSON] [passes as
 * JSON]`.
 */
import {
  createRandom,
  learnerSettings,
  openPolicyInProcess,
  parseSettings,
  type EncodedPicture,
  type EncodedPrompt,
} from "@papo/core";
import { computeAdvantages, computeLoss, createHost, makeGroup, makeSample } from "@papo/core/testing";
import { grpo } from "@papo/recipes";
import { peakMemory, serve } from "./side.ts";
import { grid, lengthOf, visualTokens, type Workload } from "./workloads.ts";
import { specialId } from "../recipes/app/tasks/shapes/vocabulary.ts";
import { modelSizes } from "./models.ts";
import { Graph } from "../core/graph/graph.ts";
import { OnnxExecutor } from "../core/graph/onnx/executor.ts";
import { matmul, sum } from "../core/graph/ops/index.ts";

const workload = JSON.parse(process.argv[2]!) as Workload;
const policy = await openPolicyInProcess({
  folder: process.argv[3]!,
  ...learnerSettings(parseSettings(JSON.parse(process.argv[4] ?? "{}") as object)),
  passes: JSON.parse(process.argv[5] ?? "{}") as object,
});

/** Ids above the special ones. */
const firstWord = 16;
const vocabularySize = modelSizes(workload.model).text.vocabulary;

function prompts(seed: number, count = workload.prompts): EncodedPrompt[] {
  return Array.from({ length: count }, (_, index) => {
    const draws = createRandom(seed).key("prompt", index);
    const words = Array.from(
      { length: workload.text - 2 },
      (_, i) => firstWord + Math.floor(draws.uniform(i) * (vocabularySize - firstWord)),
    );
    const before = Math.floor(words.length / 2);
    const picture = [
      specialId("<|vision_start|>"),
      ...Array.from({ length: visualTokens }, () => specialId("<|image_pad|>")),
      specialId("<|vision_end|>"),
    ];
    return {
      ids: Int32Array.from([...words.slice(0, before), ...picture, ...words.slice(before)]),
      pictures: [makePicture(seed, index)],
    };
  });
}

function makePicture(seed: number, index: number): EncodedPicture {
  const draws = createRandom(seed).key("picture", index);
  const pixels = Float32Array.from(
    { length: grid[0] * grid[1] * grid[2] * 3 * 2 * 14 * 14 },
    (_, i) => 4 * draws.uniform(i) - 2,
  );
  return { hash: `${seed}/${index}`, grid, pixels };
}

async function rollout(seed: number): Promise<{ seconds: number; tokens: number }> {
  const { stops, responses, tokens } = workload;
  const random = createRandom(seed);
  const requests = prompts(seed).map((prompt, index) => ({
    prompt,
    count: responses,
    keys: Array.from({ length: responses }, (_, n) => random.key("response", index, n).words),
  }));
  const sampling = {
    temperature: 1,
    topP: 1,
    topK: 0,
    maxNewTokens: tokens,
    stopTokens: Array.from({ length: stops }, (_, i) => vocabularySize - 1 - i),
    bannedTokens: policy.processor.bannedTokens,
  };
  let sampled = 0;
  const before = performance.now();
  await policy.rollout.generate(requests, sampling, (response) => (sampled += response.tokens.length));
  return { seconds: (performance.now() - before) / 1000, tokens: sampled };
}

const host = createHost(grpo({ referenceKl: 0 }), { seed: 1 });

/**
 * Old log-probs are given, as a rollout gives them; then minibatches of the workload's size, each forward, loss,
 * backward, update.
 */
async function learn(seed: number, minibatches: number): Promise<{ seconds: number; withScores: number }> {
  const T = workload.tokens;
  const count = workload.prompts * workload.responses;
  const rows = Array.from({ length: count }, (_, row) => ({
    prompt: Math.floor(row / workload.responses),
    row,
    length: lengthOf(workload, row, count),
  }));
  const mask = new Float32Array(count * T);
  for (const { row, length } of rows) mask.fill(1, row * T, row * T + length);
  const batches = Array.from({ length: minibatches }, (_, index) => {
    const draws = createRandom(seed).key("response", index);
    const batch = {
      prompts: prompts(seed + 1000 * index),
      temperature: 1,
      rows: rows.map(({ prompt, row, length }) => ({
        prompt,
        tokens: Int32Array.from(
          { length },
          (_, i) => firstWord + Math.floor(draws.uniform(row * T + i) * (vocabularySize - firstWord)),
        ),
      })),
    };
    const samples = rows.map(({ prompt, row, length }) =>
      makeSample({ prompt: `prompt-${prompt}`, index: row, length, reward: draws.uniform(1e6 + row) }),
    );
    return { batch, samples };
  });
  const begun = performance.now();
  const old = [];
  for (const { batch } of batches) old.push((await policy.learner.score(batch, ["logProbs"])).logProbs!);
  const before = performance.now();
  for (const [index, { batch, samples }] of batches.entries()) {
    // The weights that sampled are still those of the first minibatch.
    const logProbs = index === 0 ? old[0]! : (await policy.learner.score(batch, ["logProbs"])).logProbs!;
    host.beginStep({ step: 1, steps: 100 });
    const groups = Array.from({ length: workload.prompts }, (_, prompt) =>
      makeGroup({ key: `prompt-${prompt}`, samples: samples.filter((_, row) => rows[row]!.prompt === prompt) }),
    );
    const arrays = {
      step: 1,
      samples,
      groups,
      groupOf: Int32Array.from(rows, ({ prompt }) => prompt),
      B: rows.length,
      T,
      mask,
      oldLogProbs: old[index]!,
      scores: new Map<string, Float32Array>(),
      logProbs,
      maxNewTokens: T,
    };
    const loss = computeLoss(host, { ...arrays, advantages: computeAdvantages(host, arrays) });
    await policy.learner.backward(batch, loss.gradients["original"]!);
    await policy.learner.step({ learningRate: 1e-6 });
  }
  const ended = performance.now();
  return { seconds: (ended - before) / 1000, withScores: (ended - begun) / 1000 };
}

/** One scoring pass over the responses that `learn` draws. */
async function score(seed: number): Promise<{ seconds: number }> {
  const draws = createRandom(seed).key("score");
  const tokens = (row: number): Int32Array =>
    Int32Array.from(
      { length: workload.tokens },
      (_, i) => firstWord + Math.floor(draws.uniform(row * workload.tokens + i) * (vocabularySize - firstWord)),
    );
  const batch = {
    prompts: prompts(seed),
    temperature: 1,
    rows: Array.from({ length: workload.prompts * workload.responses }, (_, row) => ({
      prompt: Math.floor(row / workload.responses),
      tokens: tokens(row),
    })),
  };
  const before = performance.now();
  await policy.learner.score(batch, ["logProbs"]);
  return { seconds: (performance.now() - before) / 1000 };
}

/** The executor's speed at a square product. */
async function matmulSpeed(size: number): Promise<{ gflops: number }> {
  const graph = new Graph();
  graph.output("sum", sum(matmul(graph.input("a", [size, size]), graph.input("b", [size, size])), [0]));
  const program = await new OnnxExecutor().compile(graph);
  const draws = createRandom(1);
  const feed = { shape: [size, size], data: Float32Array.from({ length: size * size }, (_, i) => draws.uniform(i)) };
  await program.run({ a: feed, b: feed });
  const repeats = 8;
  const before = performance.now();
  for (let i = 0; i < repeats; i++) await program.run({ a: feed, b: feed });
  const taken = (performance.now() - before) / 1000;
  await program.release();
  return { gflops: (2 * size ** 3 * repeats) / taken / 1e9 };
}

const seedOf = ({ seed }: Readonly<Record<string, unknown>>): number => Number(seed ?? 1);

await serve({
  rollout: async (options) => ({ ...(await rollout(seedOf(options))), peak: peakMemory() }),
  score: async (options) => score(seedOf(options)),
  matmul: async ({ size }) => matmulSpeed(Number(size)),
  learner: async (options) => ({
    ...(await learn(seedOf(options), Number(options["minibatches"] ?? 1))),
    peak: peakMemory(),
  }),
});
await policy.close();
