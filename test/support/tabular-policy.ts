/**
 * A small real policy: logits(next) = token[previous] + prompt[first id] + picture · mean pixel, with exact gradients
 * and AdamW. It learns, samples, saves and loads like a model, in microseconds, so that the pipeline is tested whole
 * without one.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { join } from "node:path";
import { AdamW } from "../../core/learner/optimizer/adamw.ts";
import type { OptimizerState } from "../../core/learner/optimizer/optimizer.ts";
import type {
  Learner,
  LearnerBatch,
  LearnerCapabilities,
  OptimizerSettings,
  Output,
  Outputs,
  StepReport,
} from "../../core/learner/learner.ts";
import { randomFromWords } from "../../core/math/random.ts";
import type { EncodedPrompt, Weights } from "../../core/model/model.ts";
import type { EncodedPicture, Picture } from "../../core/model/processing/picture.ts";
import type { Policy, PromptProcessor } from "../../core/contracts/policy.ts";
import type {
  GeneratedResponse,
  GenerateOptions,
  GoOn,
  RolloutEngine,
  RolloutRequest,
  SamplingSettings,
} from "../../core/rollout/engine.ts";
import { createRowSampler, softmaxInto, uniformAt } from "../../core/rollout/sampling.ts";

/** Tokens are the letters a … f, a banned placeholder and the stop token. */
export const vocabulary = ["a", "b", "c", "d", "e", "f", "<image>", "."];
const V = vocabulary.length;
export const placeholder = 6;
export const stop = 7;
const letters = vocabulary.slice(0, 6);

const defaults: OptimizerSettings = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradientNorm: 10,
  freeze: [],
};

export interface TabularOptions {
  readonly optimizer?: Partial<OptimizerSettings>;
  /** Added to every log-prob the sampler reports: a sampler that disagrees with the learner. */
  readonly samplerError?: number;
}

/** Row-wise view of what the logits depend on. */
interface Place {
  readonly previous: number;
  readonly first: number;
  readonly brightness: number;
}

export class TabularPolicy implements Learner, RolloutEngine {
  readonly turns = true;
  version = 0;
  readonly capabilities: LearnerCapabilities = {
    outputs: ["logProbs", "entropy"],
    attention: false,
    parameters: 1,
    trained: 1,
  };
  /** Calls of each verb, for tests that count passes. */
  readonly calls = { score: 0, backward: 0, step: 0, generate: 0 };
  readonly weights: Weights;
  readonly #kept = new Map<string, Weights>();
  readonly #optimizer: AdamW;
  readonly #samplerError: number;
  #gradients = new Map<string, Float32Array>();

  constructor({ optimizer = {}, samplerError = 0 }: TabularOptions = {}) {
    this.#optimizer = new AdamW({ ...defaults, ...optimizer });
    this.#samplerError = samplerError;
    this.weights = new Map([
      ["token", { shape: [V, V], data: new Float32Array(V * V) }],
      ["prompt", { shape: [V, V], data: new Float32Array(V * V) }],
      ["picture", { shape: [V], data: new Float32Array(V) }],
    ]);
  }

  async score(batch: LearnerBatch, outputs: readonly Output[], name?: string): Promise<Outputs> {
    this.calls.score++;
    const weights = this.#copy(name);
    const T = longest(batch);
    const arrays: Outputs = Object.fromEntries(
      outputs.map((output) => [output, new Float32Array(batch.rows.length * T)]),
    );
    visit(batch, (place, token, index) => {
      const logProbs = logSoftmax(logits(weights, place), batch.temperature);
      if (arrays.logProbs !== undefined) arrays.logProbs[index] = logProbs[token]!;
      if (arrays.entropy !== undefined) arrays.entropy[index] = entropy(logProbs);
    });
    return arrays;
  }

  async backward(batch: LearnerBatch, cotangents: Outputs): Promise<Outputs> {
    this.calls.backward++;
    const outputs: Outputs = Object.fromEntries(
      Object.entries(cotangents).map(([output, { length }]) => [output, new Float32Array(length)]),
    );
    visit(batch, (place, token, index) => {
      const logProbs = logSoftmax(logits(this.weights, place), batch.temperature);
      const H = entropy(logProbs);
      const dLogProb = cotangents.logProbs?.[index] ?? 0;
      const dEntropy = cotangents.entropy?.[index] ?? 0;
      if (outputs.logProbs !== undefined) outputs.logProbs[index] = logProbs[token]!;
      if (outputs.entropy !== undefined) outputs.entropy[index] = H;
      for (let v = 0; v < V; v++) {
        const p = Math.exp(logProbs[v]!);
        const dLogit = (dLogProb * ((v === token ? 1 : 0) - p) - dEntropy * p * (logProbs[v]! + H)) / batch.temperature;
        this.#gradient("token")[place.previous * V + v]! += dLogit;
        this.#gradient("prompt")[place.first * V + v]! += dLogit;
        this.#gradient("picture")[v]! += dLogit * place.brightness;
      }
    });
    return outputs;
  }

  async step({ learningRate }: { readonly learningRate: number }): Promise<StepReport> {
    this.calls.step++;
    const report = this.#optimizer.update(this.weights, this.#gradients, { learningRate });
    this.#gradients = new Map();
    this.version++;
    return report;
  }

  async keep(name: string, decay = 0): Promise<void> {
    const before = this.#kept.get(name);
    this.#kept.set(name, copy(this.weights));
    if (decay === 0) return;
    for (const [parameter, { data }] of this.#copy(name))
      data.forEach((value, i) => (data[i] = decay * before!.get(parameter)!.data[i]! + (1 - decay) * value));
  }

  async save(folder: string): Promise<void> {
    const { updates, arrays } = this.#optimizer.state();
    const kept = Object.fromEntries([...this.#kept].map(([name, weights]) => [name, toJson(weights)]));
    writeFileSync(
      join(folder, "weights.json"),
      JSON.stringify({ version: this.version, weights: toJson(this.weights), kept }),
    );
    writeFileSync(join(folder, "optimizer.json"), JSON.stringify({ updates, arrays: toJson(arrays) }));
  }

  async load(folder: string): Promise<void> {
    const saved = JSON.parse(readFileSync(join(folder, "weights.json"), "utf8")) as {
      version: number;
      weights: Saved;
      kept: Record<string, Saved>;
    };
    const optimizer = JSON.parse(readFileSync(join(folder, "optimizer.json"), "utf8")) as {
      updates: number;
      arrays: Saved;
    };
    for (const [name, { data }] of fromJson(saved.weights)) this.weights.get(name)!.data.set(data);
    for (const [name, weights] of Object.entries(saved.kept)) this.#kept.set(name, fromJson(weights));
    this.#optimizer.restore({ updates: optimizer.updates, arrays: fromJson(optimizer.arrays) });
    this.#gradients = new Map();
    this.version = saved.version;
  }

  /** Responses come back shortest first, each in a turn of its own, as from an engine that streams. */
  async generate(
    requests: readonly RolloutRequest[],
    sampling: SamplingSettings,
    onResponse: (response: GeneratedResponse) => void,
    { goOn }: GenerateOptions = {},
  ): Promise<void> {
    this.calls.generate++;
    const responses = await Promise.all(
      requests.flatMap((request, index) =>
        request.keys.map((key, sample) => this.#respond(request, index, sample, key, sampling, goOn)),
      ),
    );
    responses.sort((a, b) => a.tokens.length - b.tokens.length);
    for (const response of responses) {
      await nextTurn();
      onResponse(response);
    }
  }

  async #respond(
    { prompt }: RolloutRequest,
    request: number,
    index: number,
    key: readonly [number, number],
    sampling: SamplingSettings,
    goOn?: GoOn,
  ): Promise<GeneratedResponse> {
    const random = randomFromWords(key);
    const sample = createRowSampler(V, sampling);
    const probabilities = new Float32Array(V);
    const tokens: number[] = [];
    const [logProbs, behaviour]: [number[], number[]] = [[], []];
    const stops = (): boolean => sampling.stopTokens.includes(tokens.at(-1) ?? -1);
    for (;;) {
      if (stops()) {
        const [answer = null] = (await goOn?.([{ request, index, tokens: Int32Array.from(tokens) }])) ?? [];
        if (answer === null) break;
        tokens.push(...answer.ids);
        for (const list of [logProbs, behaviour]) list.push(...new Array<number>(answer.ids.length).fill(0));
      }
      if (tokens.length >= sampling.maxNewTokens) break;
      softmaxInto(
        Float32Array.from(logits(this.weights, placeOf(prompt, tokens.at(-1)))),
        sampling.temperature,
        probabilities,
      );
      const draw = sample(probabilities, uniformAt(random, tokens.length));
      tokens.push(draw.token);
      logProbs.push(draw.logProb + this.#samplerError);
      behaviour.push(draw.behaviourLogProb);
    }
    const finish = stops() ? "stop" : "length";
    return {
      request,
      index,
      tokens: Int32Array.from(tokens),
      logProbs: Float32Array.from(logProbs),
      behaviourLogProbs: Float32Array.from(behaviour),
      finish,
    };
  }

  #copy(name: string | undefined): Weights {
    if (name === undefined) return this.weights;
    const kept = this.#kept.get(name);
    if (kept === undefined) throw new Error(`There is no copy of the weights named "${name}"`);
    return kept;
  }

  #gradient(name: string): Float32Array {
    const known = this.#gradients.get(name);
    if (known !== undefined) return known;
    const made = new Float32Array(this.weights.get(name)!.data.length);
    this.#gradients.set(name, made);
    return made;
  }
}

/** The first id is the first letter of the prompt; each picture adds a placeholder. */
export const tabularProcessor: PromptProcessor = {
  encodePictures: (pictures) => pictures.map(encodePicture),
  encodePrompt: ({ prompt }, pictures) => {
    const ids = [...prompt].filter((letter) => letters.includes(letter)).map((letter) => letters.indexOf(letter));
    if (ids.length === 0) throw new Error(`the prompt "${prompt}" has no letter from a to f`);
    return { ids: Int32Array.from([...ids, ...pictures.map(() => placeholder)]), pictures };
  },
  visualTokens: () => 1,
  encodeReply: ({ text }, pictures) =>
    Int32Array.from([
      ...tabularProcessor.encodeText(text.replaceAll("<image>", "")),
      ...pictures.map(() => placeholder),
    ]),
  encodeText: (text) =>
    Int32Array.from(
      [...text].filter((letter) => letters.includes(letter)),
      (letter) => letters.indexOf(letter),
    ),
  decode: (tokens) =>
    [...tokens]
      .filter((token) => token !== stop)
      .map((token) => vocabulary[token])
      .join(""),
  opening: "",
  stopTokens: [stop],
  bannedTokens: [placeholder],
};

/** A fresh policy with its processor. */
export function tabularPolicy(options: TabularOptions = {}): Policy & { readonly learner: TabularPolicy } {
  const policy = new TabularPolicy(options);
  return { learner: policy, rollout: policy, processor: tabularProcessor };
}

function encodePicture({ width, height, data }: Picture): EncodedPicture {
  const pixels = Float32Array.of(data.reduce((sum, value) => sum + value, 0) / data.length / 255);
  return {
    hash: createHash("sha256").update(data).update(`${width}x${height}`).digest("hex"),
    grid: [1, 1, 1],
    pixels,
  };
}

function placeOf(prompt: EncodedPrompt, previous: number | undefined): Place {
  const brightness =
    prompt.pictures.reduce((sum, { pixels }) => sum + pixels[0]!, 0) / Math.max(1, prompt.pictures.length);
  return { previous: previous ?? prompt.ids.at(-1)!, first: prompt.ids[0]!, brightness };
}

function logits(weights: Weights, { previous, first, brightness }: Place): Float64Array {
  const [token, prompt, picture] = [
    weights.get("token")!.data,
    weights.get("prompt")!.data,
    weights.get("picture")!.data,
  ];
  return Float64Array.from(
    { length: V },
    (_, v) => token[previous * V + v]! + prompt[first * V + v]! + picture[v]! * brightness,
  );
}

function logSoftmax(values: Float64Array, temperature: number): Float64Array {
  const scaled = values.map((value) => value / temperature);
  const largest = Math.max(...scaled);
  const total = largest + Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return scaled.map((value) => value - total);
}

function entropy(logProbs: Float64Array): number {
  return -logProbs.reduce((sum, value) => sum + Math.exp(value) * value, 0);
}

function longest(batch: LearnerBatch): number {
  return Math.max(...batch.rows.map(({ tokens }) => tokens.length));
}

/** Every token of a batch with its place and its index in [B, T]. */
function visit(batch: LearnerBatch, at: (place: Place, token: number, index: number) => void): void {
  const T = longest(batch);
  batch.rows.forEach(({ prompt, tokens, given }, b) =>
    tokens.forEach((token, t) => {
      if (given?.flags[t] !== 1) at(placeOf(batch.prompts[prompt]!, tokens[t - 1]), token, b * T + t);
    }),
  );
}

type Saved = Record<string, { shape: readonly number[]; data: number[] }>;

function toJson(weights: OptimizerState["arrays"]): Saved {
  return Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, { shape, data: [...data] }]));
}

function fromJson(saved: Saved): Weights {
  return new Map(
    Object.entries(saved).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
}

function copy(weights: Weights): Weights {
  return new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
}
