/**
 * A learner on OpenXLA in a process of its own, random weights made on the device: seconds from the process's start to
 * the end of its first step, and the process's peak. Its setting is JSON in the first argument, its answer a line.
 */
import { readFileSync } from "node:fs";
import { loadXla } from "../core/graph/xla/client/plugin.ts";
import { GraphLearner } from "../core/learner/graph-learner.ts";
import { ids, type ModelShape, randomModel } from "./xla-model.ts";

export interface XlaSetting extends ModelShape {
  /** Where compiled programs are kept. */
  readonly cache: string;
  readonly prompts: number;
  /** Of each prompt: tokens of it, responses, and tokens of each. */
  readonly text: number;
  readonly responses: number;
  readonly tokens: number;
  /** Tokens from which attention is computed in blocks. Default: the executor's. */
  readonly longRow?: number;
}

export interface XlaAnswer {
  readonly seconds: number;
  readonly compiled: number;
  readonly read: number;
  /** Resident memory at most, and before the model was made, MB. */
  readonly peak: number;
  readonly before: number;
}

const { layers, width, cache, prompts, text, responses, tokens, longRow } = JSON.parse(process.argv[2]!) as XlaSetting;

const peakMegabytes = (): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;

const xla = loadXla({ cache });
const before = peakMegabytes();
const runtime = randomModel({ layers, width }, xla);
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1, freeze: [] };
const passes = { microbatchTokens: 8192, recompute: true, ...(longRow === undefined ? {} : { longRow }) };
const learner = new GraphLearner(runtime, { optimizer, ...passes });
const batch = {
  prompts: Array.from({ length: prompts }, (_, prompt) => ({ ids: ids(text, prompt), pictures: [] })),
  rows: Array.from({ length: prompts * responses }, (_, row) => ({
    prompt: Math.floor(row / responses),
    tokens: ids(tokens, 7 + row),
  })),
  temperature: 1,
};
await learner.backward(batch, {
  logProbs: new Float32Array(batch.rows.length * tokens).fill(-1 / batch.rows.length / tokens),
});
await learner.step({ learningRate: 1e-4 });
const seconds = performance.now() / 1000;
const { compiled, read } = xla.counts;
const answer: XlaAnswer = { seconds, compiled, read, peak: peakMegabytes(), before };
console.log(JSON.stringify(answer));
await learner.release();
await runtime.release();
xla.close();
