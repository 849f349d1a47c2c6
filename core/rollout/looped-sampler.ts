/**
 * Sampling where the executor runs loops: some tens of tokens of all responses of a wave are one program, which draws them itself; the
 * caches stay on the device. What a response draws depends on its key alone, and is what the host would draw, rounding aside.
 */
import { type Device, type DeviceArray, type Feeds, type HostArray, type Prepared, runOnDevice } from "../graph/executor.ts";
import { concat } from "../graph/ops/index.ts";
import { Programs } from "../graph/programs.ts";
import { bucket } from "../math/bucket.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelLoop, ModelProgram, ModelRuntime } from "../model/runtime.ts";
import { longRow } from "../model/rows/attention-blocks.ts";
import { forbidden, prefixFeeds } from "../model/rows/segments.ts";
import { cacheNames } from "./cache.ts";
import type { SamplingSettings } from "./engine.ts";
import { type RoundSettings, roundCarried, roundParts, traceFirstDraw, traceRound, traceScores } from "./programs.ts";
import { GrowingResponse } from "./response.ts";
import { type Job, longestOf } from "./wave.ts";
import type { WaveMember } from "./waves.ts";

/** Tokens of a response that are sampled before the host looks at them. */
const roundsAtOnce = 32;

/** Sizes of a wave, padded: prompts, responses a prompt, prompt tokens, cached tokens a response, rounds of a run. */
interface WaveSizes {
  readonly B: number;
  readonly N: number;
  readonly P: number;
  readonly L: number;
  readonly rounds: number;
}

export class LoopedSampler {
  readonly #runtime: ModelRuntime;
  readonly #device: Device;
  readonly #prefillTokens: number;
  readonly #small: Programs;
  readonly #scores = new Map<boolean, Promise<ModelProgram>>();
  readonly #loops = new Map<string, Promise<ModelLoop>>();

  /** @param prefillTokens prompt tokens, padding included, that go through the decoder at once */
  constructor(runtime: ModelRuntime, prefillTokens: number) {
    if (runtime.executor.device === undefined) throw new Error(`${runtime.executor.name} has no device to keep caches on`);
    this.#runtime = runtime;
    this.#device = runtime.executor.device;
    this.#prefillTokens = prefillTokens;
    this.#small = new Programs(runtime.executor);
  }

  /** Sample the responses of one wave. */
  async sample(members: readonly WaveMember[], job: Job): Promise<void> {
    const { sampling } = job;
    const prompts = members.map(({ request }) => job.requests[request]!.prompt);
    const sizes = sizesOf(members, prompts, sampling);
    const wave = new LoopedWave(members, job, this.#runtime, prompts, sizes);
    const settings = { greedy: sampling.temperature === 0, truncated: sampling.topK > 0 || sampling.topP < 1 };
    const numbers = drawNumbers(sampling, this.#runtime.model.decoder.vocabularySize);
    const { scores, prefix } = await this.#prefill(prompts, sizes);
    const { loop, prepare } = await this.#loop(settings);
    let prepared: Prepared | null = null;
    let carried: Record<string, DeviceArray> = {};
    try {
      wave.take(await this.#firstTokens(scores, wave, settings, numbers), 1);
      prepared = wave.isDone ? null : await prepare({ ...prefix, ...numbers });
      for (const array of Object.values(prefix)) this.#device.free(array);
      const cache = [sizes.B, this.#runtime.model.decoder.keyValueHeads, sizes.N, sizes.L, this.#runtime.model.decoder.headSize];
      while (prepared !== null && !wave.isDone) {
        if (!("tokens" in carried)) for (const name of cacheNames(this.#runtime.model.decoder.layers)) carried[`own.${name}`] = loop.zeros(cache);
        const given: Feeds = { ...carried, ...wave.parts(), ...("tokens" in carried ? {} : { tokens: wave.tokens() }) };
        carried = {};
        const result = await loop.run(sizes.rounds, prepared, given);
        carried = result.carried;
        wave.take((result.outputs["drawn"] as HostArray).data as Float32Array, sizes.rounds);
      }
    } finally {
      prepared?.release();
      for (const array of [...Object.values(carried), ...Object.values(prefix)]) this.#device.free(array);
    }
  }

  /** Release what the runtime does not: it owns the programs of the model. */
  async release(): Promise<void> {
    await this.#small.release();
  }

  #loop(settings: RoundSettings): Promise<ModelLoop> {
    const key = JSON.stringify(settings);
    const trace = traceRound(settings);
    const options = { parts: roundParts, carried: roundCarried(this.#runtime.model.decoder.layers) };
    const loop = this.#loops.get(key) ?? this.#runtime.compileLoop((graph, parameters) => trace(graph, parameters, this.#runtime.model), options);
    this.#loops.set(key, loop);
    return loop;
  }

  /** Scores of the first tokens [B, V] and the prefixes' caches "prefix.…" [B, kv, P, D], of all prompts and of copies up to B. */
  async #prefill(prompts: readonly EncodedPrompt[], { B, P }: WaveSizes): Promise<{ scores: DeviceArray; prefix: Record<string, DeviceArray> }> {
    const { decoder } = this.#runtime.model;
    const features = await this.#runtime.features(prompts);
    const inBlocks = this.#runtime.executor.attendsInBlocks === true && P >= longRow;
    const program = this.#scores.get(inBlocks) ?? this.#runtime.compile((graph, parameters) => traceScores(inBlocks)(graph, parameters, this.#runtime.model));
    this.#scores.set(inBlocks, program);
    const atOnce = largestDivisor(B, Math.max(1, Math.floor(this.#prefillTokens / P)));
    const padded = Array.from({ length: B }, (_, b) => prompts[b] ?? prompts[0]!);
    const parts: Record<string, DeviceArray>[] = [];
    for (let first = 0; first < B; first += atOnce) {
      const chunk = padded.slice(first, first + atOnce);
      const { placed, matrix } = this.#runtime.place(chunk, features);
      const last = Int32Array.from(chunk, (prompt, b) => b * P + promptLength(prompt) - 1);
      const feeds = { ...prefixFeeds(decoder, placed, matrix, { inBlocks, P, padded: true }), last: { shape: [chunk.length], data: last } };
      parts.push(await this.#runtime.runOnDevice(await program, feeds));
    }
    const { scores, ...cache } = await this.#joined(parts);
    return { scores: scores!, prefix: Object.fromEntries(Object.entries(cache).map(([name, array]) => [`prefix.${name}`, array])) };
  }

  /** Arrays of one name one after the other along the first axis. */
  async #joined(parts: readonly Record<string, DeviceArray>[]): Promise<Record<string, DeviceArray>> {
    if (parts.length === 1) return parts[0]!;
    const joined: Record<string, DeviceArray> = {};
    for (const name of Object.keys(parts[0]!)) {
      const arrays = parts.map((part) => part[name]!);
      const key = `join ${arrays.map(({ shape }) => shape.join(",")).join(" ")}`;
      const { all } = await this.#small.runOnDevice(key, (graph) => {
        graph.output("all", concat(arrays.map(({ shape }, i) => graph.input(String(i), shape)), 0));
      }, Object.fromEntries(arrays.map((array, i) => [i, array])));
      joined[name] = all!;
      for (const array of arrays) this.#device.free(array);
    }
    return joined;
  }

  async #firstTokens(scores: DeviceArray, wave: LoopedWave, settings: RoundSettings, numbers: Feeds): Promise<Float32Array> {
    const { vocabularySize } = this.#runtime.model.decoder;
    const program = await this.#small.get(`draw ${JSON.stringify(settings)}`, (graph) => traceFirstDraw(graph, vocabularySize, settings));
    try {
      const { drawn } = await runOnDevice(program, { scores, ...numbers, ...wave.firstRows() });
      const data = this.#device.get(drawn!);
      this.#device.free(drawn!);
      return data;
    } finally {
      this.#device.free(scores);
    }
  }
}

/** Responses of B prompts by N slots, row b·N + n; a slot is empty when its response is done, and is computed all the same. */
class LoopedWave {
  readonly #job: Job;
  readonly #runtime: ModelRuntime;
  readonly #sizes: WaveSizes;
  readonly #prompts: readonly { readonly length: number; readonly next: number }[];
  readonly #slots: (GrowingResponse | null)[];
  /** Tokens every response has. */
  #length = 0;

  constructor(members: readonly WaveMember[], job: Job, runtime: ModelRuntime, prompts: readonly EncodedPrompt[], sizes: WaveSizes) {
    this.#job = job;
    this.#runtime = runtime;
    this.#sizes = sizes;
    this.#prompts = prompts.map((prompt) => ({ length: promptLength(prompt), next: runtime.model.decoder.positions(prompt).next }));
    this.#slots = members.flatMap(({ request, first, count }) =>
      Array.from({ length: sizes.N }, (_, n) => (n < count ? new GrowingResponse(request, first + n, job.requests[request]!.keys[first + n]!) : null)),
    );
  }

  get isDone(): boolean {
    return this.#slots.every((slot) => slot === null);
  }

  /** Give responses the tokens of some rounds, [rounds, B·N, 3]; those that end are handed on and leave. */
  take(drawn: Float32Array, rounds: number): void {
    const { sampling, onResponse } = this.#job;
    const rows = this.#sizes.B * this.#sizes.N;
    for (let round = 0; round < rounds; round++) {
      this.#length++;
      for (const [row, response] of this.#slots.entries()) {
        if (response === null) continue;
        const at = 3 * (round * rows + row);
        response.append(drawn[at]!, drawn[at + 1]!, drawn[at + 2]!);
        const finish = sampling.stopTokens.includes(response.lastToken) ? "stop" : this.#length === sampling.maxNewTokens ? "length" : null;
        if (finish === null) continue;
        this.#slots[row] = null;
        onResponse(response.finish(finish));
      }
    }
  }

  /** For the first draw: each row's prompt, and its words. */
  firstRows(): Record<string, HostArray> {
    const { B, N } = this.#sizes;
    return { "row.of": { shape: [B * N], data: Int32Array.from({ length: B * N }, (_, row) => Math.floor(row / N)) }, words: this.#words([0], [B * N, 2]) };
  }

  /** The newest tokens, [B, N]. */
  tokens(): HostArray {
    const { B, N } = this.#sizes;
    return { shape: [B, N], data: Int32Array.from({ length: B * N }, (_, row) => Math.max(0, this.#slots[row]?.lastToken ?? 0)) };
  }

  /** What the next rounds have of their own. */
  parts(): Record<string, HostArray> {
    const { B, N, rounds } = this.#sizes;
    const lengths = Array.from({ length: rounds }, (_, round) => this.#length + round);
    return {
      ...this.#rotary(lengths),
      mask: this.#mask(lengths),
      place: { shape: [rounds, 1], data: Int32Array.from(lengths, (length) => length - 1) },
      words: this.#words(lengths, [rounds, B * N, 2]),
    };
  }

  #words(positions: readonly number[], shape: readonly number[]): HostArray {
    const rows = this.#sizes.B * this.#sizes.N;
    const data = new Int32Array(positions.length * rows * 2);
    positions.forEach((position, i) => this.#slots.forEach((response, row) => response && data.set(response.words(position), 2 * (i * rows + row))));
    return { shape, data };
  }

  #rotary(lengths: readonly number[]): Record<string, HostArray> {
    const { decoder } = this.#runtime.model;
    const { B, N } = this.#sizes;
    const half = decoder.headSize / 2;
    const positions = lengths.flatMap((length) => Array.from({ length: B }, (_, b) => (this.#prompts[b]?.next ?? 0) + length - 1));
    const tables = decoder.rotary(Int32Array.from([...positions, ...positions, ...positions]));
    const repeated = (table: Float32Array): HostArray => {
      const data = new Float32Array(lengths.length * B * N * half);
      for (let row = 0; row < lengths.length * B * N; row++) {
        const prompt = Math.floor(row / N);
        data.set(table.subarray(prompt * half, (prompt + 1) * half), row * half);
      }
      return { shape: [lengths.length, B, N, half], data };
    };
    return { cos: repeated(tables.cos), sin: repeated(tables.sin) };
  }

  /** What a prompt's responses attend to: its prefix, and their tokens up to the newest, [rounds, B, P + L]. */
  #mask(lengths: readonly number[]): HostArray {
    const { B, P, L } = this.#sizes;
    const width = P + L;
    const data = new Float32Array(lengths.length * B * width).fill(forbidden);
    lengths.forEach((length, round) => {
      for (let b = 0; b < B; b++) {
        const start = (round * B + b) * width;
        data.fill(0, start, start + (this.#prompts[b]?.length ?? 1)).fill(0, start + P, start + P + length);
      }
    });
    return { shape: [lengths.length, B, width], data };
  }
}

function sizesOf(members: readonly WaveMember[], prompts: readonly EncodedPrompt[], { maxNewTokens }: SamplingSettings): WaveSizes {
  const cached = Math.max(1, maxNewTokens - 1);
  const rounds = Math.min(roundsAtOnce, bucket(cached));
  return {
    B: bucket(members.length),
    N: bucket(Math.max(...members.map(({ count }) => count))),
    P: bucket(longestOf(prompts), 4),
    L: Math.ceil(cached / rounds) * rounds,
    rounds,
  };
}

function drawNumbers({ temperature, topK, topP, bannedTokens }: SamplingSettings, vocabulary: number): Record<string, HostArray> {
  const allowed = new Float32Array(vocabulary).fill(1);
  for (const token of bannedTokens) allowed[token] = 0;
  const number = (value: number): HostArray => ({ shape: [1], data: Float32Array.of(value) });
  return {
    allowed: { shape: [vocabulary], data: allowed },
    topK: number(topK === 0 ? vocabulary : Math.min(topK, vocabulary)),
    topP: number(topP),
    inverseTemperature: number(1 / (temperature || 1)),
  };
}

function largestDivisor(n: number, most: number): number {
  for (let divisor = Math.min(n, most); divisor > 1; divisor--) if (n % divisor === 0) return divisor;
  return 1;
}
