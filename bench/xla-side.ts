/**
 * A learner on OpenXLA in a process of its own, random weights made on the device: seconds from the process's start to
 * the end of its first step, and the process's peak. Its setting is JSON in the first argument, its answer a line.
 */
import { readFileSync } from "node:fs";
import { loadXla } from "../core/graph/xla/plugin.ts";
import { GraphLearner } from "../core/learner/graph-learner.ts";
import { createModel, familyOf } from "../core/model/registry.ts";
import { ModelRuntime } from "../core/model/runtime.ts";

export interface XlaSetting {
  readonly layers: number;
  readonly width: number;
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

const config = {
  model_type: "qwen2_5_vl",
  image_token_id: 479,
  video_token_id: 480,
  vision_start_token_id: 476,
  vision_end_token_id: 477,
  tie_word_embeddings: true,
  text_config: {
    hidden_size: width,
    intermediate_size: 2 * width,
    num_attention_heads: width / 64,
    num_key_value_heads: 2,
    num_hidden_layers: layers,
    vocab_size: 2000,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
    rope_parameters: { rope_theta: 1e6, rope_type: "default", mrope_section: [8, 12, 12] },
  },
  vision_config: {
    depth: 4,
    hidden_size: 64,
    num_heads: 4,
    intermediate_size: 172,
    out_hidden_size: width,
    window_size: 56,
    fullatt_block_indexes: [1, 3],
  },
};

const ids = (count: number, shift: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => 1 + ((i * 37 + shift * 101) % 400));

const xla = loadXla({ cache });
const before = peakMegabytes();
const model = createModel(familyOf(config).parseConfig(config as never));
const { device } = xla;
const weights = new Map(
  [...model.parameters].map(([name, shape], seed) => {
    if (/norm.*weight|ln_q/.test(name)) return [name, device.filled!(shape, 1)];
    return [name, name.endsWith("bias") ? device.filled!(shape, 0) : device.random!(shape, { deviation: 0.02, seed })];
  }),
);
const trained = new Set([...model.parameters.keys()].filter((name) => !name.startsWith("model.visual")));
const runtime = new ModelRuntime(model, weights, xla, { trained });
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
