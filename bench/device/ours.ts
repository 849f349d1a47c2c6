/** Our side of a device measurement, in a process of its own: random weights at the peer's shape, on OpenXLA. */
import { createRandom } from "../../core/math/random.ts";
import { lossOf, type LossOf } from "../../core/testing.ts";
import { ClippedObjectivePlugin } from "../../plugins/grpo/clipped-objective.ts";
import { DoubleEntropyPlugin } from "../../plugins/papo/double-entropy.ts";
import { PerceptionKlPlugin } from "../../plugins/papo/perception-kl.ts";
import { XlaExecutor } from "../../core/graph/xla/executor.ts";
import { GraphLearner } from "../../core/learner/graph-learner.ts";
import type { LearnerBatch } from "../../core/learner/learner.ts";
import { qwen25Vl } from "../../core/model/families/qwen2.5-vl/index.ts";
import { adaptedModel } from "../../core/model/files/adapter-folder.ts";
import { openLora } from "../../core/model/lora/open.ts";
import { loraSchema } from "../../core/model/lora/settings.ts";
import type { JsonObject } from "../../core/model/files/json.ts";
import type { Device, DeviceArray } from "../../core/graph/executor.ts";
import { hashPixels } from "../../core/model/processing/image-processor.ts";
import { createModel } from "../../core/model/registry.ts";
import type { EncodedPicture } from "../../core/model/processing/picture.ts";
import { OnnxRolloutEngine } from "../../core/rollout/onnx-engine.ts";
import { ModelRuntime } from "../../core/model/runtime.ts";
import type { InitialWeights } from "../../core/model/weight-sets.ts";
import { openedPlugin } from "./plugin.ts";
import { arithmetic, configOf, type Workload } from "./shapes.ts";

/** Norms 1, biases 0, the rest normal with standard deviation 0.02, made on the device: the host holds nothing. */
function randomWeights(parameters: ReadonlyMap<string, readonly number[]>, device: Device): InitialWeights {
  let seed = 0;
  const make = (name: string, shape: readonly number[]): DeviceArray => {
    if (/norm\d?\.weight$|ln_q\.weight$/.test(name)) return device.filled!(shape, 1);
    return shape.length === 1 ? device.filled!(shape, 0) : device.random!(shape, { deviation: 0.02, seed: seed++ });
  };
  return new Map([...parameters].map(([name, shape]) => [name, make(name, shape)]));
}

function batchOf(work: Workload, pictureToken: number, config: Record<string, unknown>): LearnerBatch {
  const draws = createRandom(1).key("batch");
  const vocabulary = (config["text_config"] as { vocab_size: number }).vocab_size;
  let next = 0;
  const word = (): number => 16 + Math.floor(draws.uniform(next++) * (vocabulary - 1040));
  const patches = work.side ** 2;
  const prompts = Array.from({ length: work.prompts }, (_, p) => {
    const half = (work.text - 2) >> 1;
    const words = Array.from({ length: work.text - 2 }, word);
    const visual = Array.from({ length: patches / 4 }, () => pictureToken);
    const [begin, end] = [config["vision_start_token_id"], config["vision_end_token_id"]] as [number, number];
    const pixels = Float32Array.from(
      { length: patches * 1176 },
      (_, i) => ((i * 2_654_435_761 + p * 97) % 4093) / 1023 - 2,
    );
    const grid = [1, work.side, work.side] as const;
    return {
      ids: Int32Array.from([...words.slice(0, half), begin, ...visual, end, ...words.slice(half)]),
      pictures: [{ hash: hashPixels(grid, pixels), grid, pixels }],
    };
  });
  const rows = Array.from({ length: work.prompts * work.responses }, (_, row) => ({
    prompt: Math.floor(row / work.responses),
    tokens: Int32Array.from({ length: work.new }, word),
  }));
  return { prompts, rows, temperature: 1 };
}

/** A model whose decoder alone is trained, or everything. */
type Trained = "decoder" | "everything";

export interface OursOptions {
  readonly steps: number;
  /** Of low-rank adapters of the decoder's linear maps; 0: everything is trained. */
  readonly rank: number;
  /** Where compiled programs are kept for the next process. */
  readonly cache: string;
  /** Milliseconds of Date.now after which no further step begins. */
  readonly deadline: number;
  readonly say: (what: Readonly<Record<string, unknown>>) => void;
}

function full(config: Record<string, unknown>, executor: XlaExecutor, what: Trained = "everything"): ModelRuntime {
  const model = createModel(qwen25Vl.parseConfig(config as JsonObject));
  const weights = randomWeights(model.parameters, executor.device);
  const trained = new Set([...weights.keys()].filter((name) => what === "everything" || !name.includes("visual")));
  return new ModelRuntime(model, weights, executor, { trained, passes: { sharedRows: false } });
}

async function adapted(config: Record<string, unknown>, executor: XlaExecutor, rank: number): Promise<ModelRuntime> {
  const base = adaptedModel(qwen25Vl.parseConfig(config as JsonObject));
  const lora = await openLora(loraSchema.parse({ rank }), { ...base, folder: "none", seed: 1 });
  const { adapter, weights } = lora.trained;
  const frozen = randomWeights(base.model.parameters, executor.device);
  const options = { passes: { sharedRows: false }, trained: new Set(weights.keys()), adapters: [adapter] };
  return new ModelRuntime(base.model, new Map([...frozen, ...weights]), executor, options);
}

/**
 * Steps of forward, backward, norm, clipping and AdamW; each step's seconds, and the peak of the device's allocator.
 */
export async function learner(work: Workload, { steps, rank, cache, deadline, say }: OursOptions): Promise<void> {
  const pjrt = openedPlugin();
  const config = configOf(work);
  const executor = new XlaExecutor(pjrt, { precision: "bfloat16", cache });
  const began = Date.now();
  const runtime = rank === 0 ? full(config, executor) : await adapted(config, executor, rank);
  say({ weights: (Date.now() - began) / 1000, ...arithmetic(work, runtime.model.parameters) });
  const tokens = work.text + work.side ** 2 / 4 + work.responses * work.new;
  const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1, freeze: [] };
  const options = { optimizer, microbatchTokens: tokens, recompute: true };
  const trained = new GraphLearner(runtime, options);
  const batch = batchOf(work, runtime.model.decoder.pictureToken, config);
  const count = batch.rows.length * work.new;
  const draws = createRandom(1).key("advantages");
  const cotangent = Float32Array.from(
    { length: count },
    (_, i) => (draws.uniform(Math.floor(i / work.new)) - 0.5) / count,
  );
  for (let step = 0; step <= steps && (step < 2 || Date.now() < deadline); step++) {
    const begun = performance.now();
    const { logProbs } = await trained.backward(batch, { logProbs: cotangent });
    const { gradientNorm } = await trained.step({ learningRate: 1e-6 });
    const mean = logProbs!.reduce((sum, value) => sum + value, 0) / count;
    const seconds = (performance.now() - begun) / 1000;
    say({
      step,
      seconds,
      gradientNorm,
      meanLogProb: mean,
      peak: (pjrt.memory()?.peak ?? 0) / 2 ** 20,
      ...executor.counts,
    });
  }
}

/** Responses of exactly `work.new` tokens to each prompt, drawn from the whole distribution. */
async function sample(
  engine: OnnxRolloutEngine,
  { prompts }: LearnerBatch,
  work: Workload,
  round: number,
): Promise<Int32Array[]> {
  const keys = (prompt: number) =>
    Array.from({ length: work.responses }, (_, i) => [round, prompt * work.responses + i] as const);
  const requests = prompts.map((prompt, i) => ({ prompt, count: work.responses, keys: keys(i) }));
  const settings = { temperature: 1, topP: 1, topK: 0, maxNewTokens: work.new, stopTokens: [], bannedTokens: [] };
  const responses: Int32Array[] = [];
  await engine.generate(requests, settings, ({ tokens }) => responses.push(Int32Array.from(tokens)));
  return responses;
}

const engineOf = (runtime: ModelRuntime, work: Workload): OnnxRolloutEngine =>
  new OnnxRolloutEngine(runtime, { rows: work.prompts * work.responses, cacheBytes: 2 ** 34, prefillTokens: 4096 });

/** Seconds of sampling a step's responses. */
export async function decode(work: Workload, { steps, cache, deadline, say }: OursOptions): Promise<void> {
  const pjrt = openedPlugin();
  const config = configOf(work);
  const runtime = full(config, new XlaExecutor(pjrt, { precision: "bfloat16", cache }));
  const engine = engineOf(runtime, work);
  const batch = batchOf(work, runtime.model.decoder.pictureToken, config);
  for (let run = 0; run <= steps && (run < 2 || Date.now() < deadline); run++) {
    const begun = performance.now();
    const responses = await sample(engine, batch, work, run);
    const tokens = responses.reduce((sum, { length }) => sum + length, 0);
    say({ run, seconds: (performance.now() - begun) / 1000, tokens, peak: (pjrt.memory()?.peak ?? 0) / 2 ** 20 });
  }
}

/** What of PAPO a step computes beside GRPO: nothing; the masked pass without gradient; or with one. */
const modes = { grpo: null, official: "official", paper: "paper" } as const;
type Mode = keyof typeof modes;

/** The plugins' loss of a step's log-probs, and its gradients. */
function lossOfStep(
  mode: Mode,
  logProbs: Float32Array,
  masked: Float32Array | null,
  { new: length }: Workload,
): LossOf {
  const rows = (array: Float32Array): number[][] =>
    Array.from({ length: array.length / length }, (_, row) => [...array.subarray(row * length, (row + 1) * length)]);
  const chosen = modes[mode];
  const perception =
    chosen === null
      ? []
      : [
          new PerceptionKlPlugin({ mode: chosen }),
          new DoubleEntropyPlugin({ original: 0.03, masked: 0.03, mode: chosen }),
        ];
  const all = rows(logProbs);
  return lossOf([new ClippedObjectivePlugin(), ...perception], {
    logProbs: all,
    advantages: all.map((_, row) => (row % 2 === 0 ? 1 : -1)),
    scores: masked === null ? {} : { [`masked/${mode === "paper" ? "current" : "old"}/logProbs`]: rows(masked) },
  });
}

/**
 * Whole steps of GRPO and of PAPO, official mode and paper mode, each of the same responses: sampling, log-probs, the
 * loss on the host, forward and backward with the update, and PAPO's passes over the masked pictures. Each is a line
 * when done.
 */
export async function papo(work: Workload, { steps, cache, deadline, say }: OursOptions): Promise<void> {
  const pjrt = openedPlugin();
  const config = configOf(work);
  const runtime = full(config, new XlaExecutor(pjrt, { precision: "bfloat16", cache }), "decoder");
  const engine = engineOf(runtime, work);
  const { prompts } = batchOf(work, runtime.model.decoder.pictureToken, config);
  const microbatchTokens = work.text + work.side ** 2 / 4 + work.responses * work.new;
  const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1, freeze: [] };
  const trained = new GraphLearner(runtime, {
    optimizer,
    microbatchTokens,
    scoringTokens: microbatchTokens,
    recompute: true,
  });
  for (let step = 0; step <= steps && (step < 2 || Date.now() < deadline); step++) {
    const begun = performance.now();
    const responses = await sample(engine, { prompts, rows: [], temperature: 1 }, work, step);
    const sampling = (performance.now() - begun) / 1000;
    say({ step, sampling });
    const rows = responses.map((tokens, i) => ({ prompt: Math.floor(i / work.responses), tokens }));
    const original: LearnerBatch = { prompts, rows, temperature: 1 };
    const black = prompts.map((prompt) => ({
      ...prompt,
      pictures: prompt.pictures.map((picture) => blackened(picture, step)),
    }));
    const masked: LearnerBatch = { prompts: black, rows, temperature: 1 };
    const whole = new Map<Mode, number>();
    for (const mode of Object.keys(modes) as Mode[]) {
      const from = performance.now();
      const scores = await trained.score(original, ["logProbs"]);
      const other = mode === "grpo" ? null : (await trained.score(masked, ["logProbs"])).logProbs!;
      const { loss, gradients } = lossOfStep(mode, scores.logProbs!, other, work);
      for (const [batch, view] of [
        [original, "original"],
        [masked, "masked"],
      ] as const) {
        const gradient = gradients[view]?.["logProbs"];
        if (gradient !== undefined) await trained.backward(batch, { logProbs: Float32Array.from(gradient.flat()) });
      }
      await trained.step({ learningRate: 1e-6 });
      whole.set(mode, sampling + (performance.now() - from) / 1000);
      say({
        step,
        mode,
        wholeStep: whole.get(mode),
        ratio: whole.get(mode)! / whole.get("grpo")!,
        loss,
        peak: (pjrt.memory()?.peak ?? 0) / 2 ** 20,
      });
    }
  }
}

/** 60 % of the patches black, others in every step. */
function blackened({ grid, pixels }: EncodedPicture, step: number): EncodedPicture {
  const draws = createRandom(step).key("mask");
  const width = 1176;
  const masked = pixels.slice();
  for (let patch = 0; patch * width < masked.length; patch++)
    if (draws.uniform(patch) < 0.6) masked.fill(-1.8, patch * width, (patch + 1) * width);
  return { hash: hashPixels(grid, masked), grid, pixels: masked };
}
