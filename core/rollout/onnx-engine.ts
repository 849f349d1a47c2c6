/**
 * The embedded sampler. A prompt is encoded and attended once for all its responses; the cache of keys and values stays
 * with the host, and the decode graph returns only new rows. What a response draws depends on its key alone, not on
 * what is sampled beside it.
 */
import type { HostArray } from "../graph/executor.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import { readsInBlocks } from "../model/rows/attention-blocks.ts";
import { prefixFeeds } from "../model/rows/prefixes.ts";
import type { GeneratedResponse, GenerateOptions, RolloutEngine, RolloutRequest, SamplingSettings } from "./engine.ts";
import {
  decodeProgram,
  lazyProgram,
  traceLongPrefill,
  tracePrefill,
  traceWords,
  type LazyProgram,
} from "./programs.ts";
import { readWords } from "./read-words.ts";
import { machineMemory, processBytes } from "../machine/memory.ts";
import { samplerDefaults, samplerLimits } from "./limits.ts";
import { type Job, longestOf } from "./job.ts";
import { LoopedSampler } from "./looped-sampler.ts";
import { createRowSampler } from "./sampling.ts";
import { Wave } from "./wave.ts";
import { planWaves, type WaveMember } from "./waves.ts";

export interface OnnxRolloutOptions {
  /** Bytes of keys and values held at a time, if every response grows to its limit. Default: see samplerLimits. */
  readonly cacheBytes?: number;
  /** Largest copy of the weights that is made to decode faster, bytes of float32. Default: see samplerLimits. */
  readonly copyBytes?: number;
  /** Responses sampled side by side. Default 128. */
  readonly rows?: number;
  /**
   * Prompt tokens, padding included, that one run of the prefill graph takes (a longer prompt runs alone). Default
   * 4096.
   */
  readonly prefillTokens?: number;
}

export class OnnxRolloutEngine implements RolloutEngine {
  readonly #runtime: ModelRuntime;
  readonly #options: Required<OnnxRolloutOptions>;
  readonly #prefill: LazyProgram;
  readonly #longPrefill: LazyProgram;
  readonly #decode: LazyProgram;
  readonly #words: LazyProgram;
  /** Null where the executor runs no loops. */
  readonly #looped: LoopedSampler | null;

  readonly turns = true;

  /** Samples from the runtime's current weights; the runtime owns the compiled graphs and releases them. */
  constructor(runtime: ModelRuntime, options: OnnxRolloutOptions = {}) {
    this.#runtime = runtime;
    this.#options = {
      ...samplerDefaults,
      ...samplerLimits(machineMemory() - processBytes - runtime.bytes),
      ...options,
    };
    const { copyBytes, prefillTokens } = this.#options;
    this.#prefill = lazyProgram(runtime, tracePrefill);
    this.#longPrefill = lazyProgram(runtime, traceLongPrefill);
    this.#decode = decodeProgram(runtime, copyBytes);
    this.#words = lazyProgram(runtime, traceWords);
    this.#looped = runtime.executor.compileLoop === undefined ? null : new LoopedSampler(runtime, prefillTokens);
  }

  /**
   * @throws Error when a request has no tokens or not one key per response, when its pictures do not match its
   *   placeholders, when the settings are out of range, or when the model's output is not a distribution; then some
   *   responses may have been given already.
   */
  async generate(
    requests: readonly RolloutRequest[],
    sampling: SamplingSettings,
    onResponse: (response: GeneratedResponse) => void,
    { giveUp, goOn }: GenerateOptions = {},
  ): Promise<void> {
    const { layers, keyValueHeads, headSize, vocabularySize } = this.#runtime.model.decoder;
    checkRequests(requests, sampling, this.#runtime);
    const sampler = createRowSampler(vocabularySize, sampling);
    const sizes = requests.map(({ prompt, count }) => ({ promptLength: promptLength(prompt), count }));
    const cachedTokens = Math.floor(
      this.#options.cacheBytes / (layers * 2 * keyValueHeads * headSize * Float32Array.BYTES_PER_ELEMENT),
    );
    for (const members of planWaves(sizes, sampling.maxNewTokens, { cachedTokens, rows: this.#options.rows })) {
      giveUp?.throwIfAborted();
      const job = {
        requests,
        sampling,
        sampler,
        onResponse,
        ...(giveUp === undefined ? {} : { giveUp }),
        ...(goOn === undefined ? {} : { goOn }),
      };
      await (this.#looped?.sample(members, job) ?? this.#sample(members, job));
    }
  }

  async #sample(members: readonly WaveMember[], job: Job): Promise<void> {
    const { sampling } = job;
    const prompts = members.map(({ request }) => promptOf(job, request));
    const wave = new Wave(members, job, this.#runtime, prompts);
    const inverseTemperature = { shape: [1], data: Float32Array.of(1 / (sampling.temperature || 1)) };
    const first = await this.#fillPrefixes(wave, prompts, inverseTemperature);
    wave.draw(first, (row) => Math.floor(row / wave.cache.N));
    for (;;) {
      while (wave.makeRoom()) {
        job.giveUp?.throwIfAborted();
        const result = await this.#decode({ ...wave.feeds(), inverseTemperature });
        wave.cache.append(result, wave.goesOn);
        wave.draw((result["probabilities"] as HostArray).data as Float32Array, (row) => row);
      }
      const words = await wave.goOn();
      job.giveUp?.throwIfAborted();
      if (words === null) return;
      await readWords(wave, words, {
        runtime: this.#runtime,
        program: this.#words,
        inverseTemperature,
        tokensAtOnce: this.#options.prefillTokens,
      });
    }
  }

  /** Run the prompts through the decoder; returns the first token's probabilities, [B, V]. */
  async #fillPrefixes(
    wave: Wave,
    prompts: readonly EncodedPrompt[],
    inverseTemperature: HostArray,
  ): Promise<Float32Array> {
    const { decoder } = this.#runtime.model;
    const features = await this.#runtime.pictures.of(prompts);
    const probabilities = new Float32Array(prompts.length * decoder.vocabularySize);
    for (const [first, end] of chunksOf(prompts, this.#options.prefillTokens)) {
      const chunk = prompts.slice(first, end);
      const { placed, matrix } = this.#runtime.pictures.place(chunk, features);
      const P = longestOf(chunk);
      const last = Int32Array.from(chunk, (prompt, b) => b * P + promptLength(prompt) - 1);
      const { executor } = this.#runtime;
      const inBlocks = readsInBlocks(P, executor);
      const feeds = {
        ...prefixFeeds(decoder, placed, matrix, { inBlocks }),
        last: { shape: [chunk.length], data: last },
        inverseTemperature,
      };
      const result = await (inBlocks ? this.#longPrefill : this.#prefill)(feeds);
      wave.cache.setPrefix(first, result);
      probabilities.set((result["probabilities"] as HostArray).data, first * decoder.vocabularySize);
    }
    return probabilities;
  }
}

const promptOf = ({ requests }: Job, request: number): EncodedPrompt => (requests[request] as RolloutRequest).prompt;

/** Ranges [first, end) of prompts that have at most `limit` tokens when padded to the longest, or are alone. */
const chunksOf = (prompts: readonly EncodedPrompt[], limit: number): [first: number, end: number][] => {
  const chunks: [number, number][] = [];
  let first = 0;
  for (let end = 1; end <= prompts.length; end++) {
    const full = end < prompts.length && (end + 1 - first) * longestOf(prompts.slice(first, end + 1)) > limit;
    if (!full && end < prompts.length) continue;
    chunks.push([first, end]);
    first = end;
  }
  return chunks;
};

const checkRequests = (
  requests: readonly RolloutRequest[],
  sampling: SamplingSettings,
  { model }: ModelRuntime,
): void => {
  const { maxNewTokens } = sampling;
  if (!(Number.isInteger(maxNewTokens) && maxNewTokens >= 1))
    throw new RangeError(`maxNewTokens is ${maxNewTokens}: give a whole number from 1`);
  for (const [index, { prompt, count, keys }] of requests.entries()) {
    if (promptLength(prompt) === 0)
      throw new RangeError(`Request ${index} has an empty prompt: at least one token is needed to sample from`);
    if (keys.length !== count)
      throw new RangeError(
        `Request ${index} asks for ${count} responses and has ${keys.length} random keys: give one each`,
      );
    try {
      model.decoder.positions(prompt);
    } catch (cause) {
      throw new Error(`Request ${index} cannot be sampled from: ${(cause as Error).message}`, { cause });
    }
  }
};
