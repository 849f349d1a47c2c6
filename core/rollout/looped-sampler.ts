/**
 * Sampling where the executor runs loops: some tens of tokens of all responses of a wave are drawn on the device before
 * the host sees one; the caches stay there. What a response draws depends on its key alone, and is what the host would
 * draw, rounding aside.
 */
import {
  type Device,
  type DeviceArray,
  type Feeds,
  type HostArray,
  type Prepared,
  runOnDevice,
} from "../graph/executor.ts";
import { concat } from "../graph/ops/index.ts";
import { Programs } from "../graph/programs.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelLoop, ModelProgram, ModelRuntime } from "../model/runtime.ts";
import { readsInBlocks } from "../model/rows/attention-blocks.ts";
import { prefixFeeds } from "../model/rows/prefixes.ts";
import { cacheNames } from "./cache.ts";
import type { SamplingSettings } from "./engine.ts";
import type { Job } from "./job.ts";
import { type RoundSettings, roundCarried, roundParts, traceFirstDraw, traceRound, traceScores } from "./programs.ts";
import { LoopedWords } from "./looped-words.ts";
import { LoopedWave, sizesOf, type WaveSizes } from "./looped-wave.ts";
import type { WaveMember } from "./waves.ts";

export class LoopedSampler {
  readonly #runtime: ModelRuntime;
  readonly #device: Device;
  readonly #prefillTokens: number;
  readonly #small: Programs;
  readonly #words: LoopedWords;
  readonly #scores = new Map<boolean, Promise<ModelProgram>>();
  readonly #loops = new Map<string, Promise<ModelLoop>>();

  /** @param prefillTokens prompt tokens, padding included, that go through the decoder at once */
  constructor(runtime: ModelRuntime, prefillTokens: number) {
    if (runtime.executor.device === undefined)
      throw new Error(`${runtime.executor.name} has no device to keep caches on`);
    this.#runtime = runtime;
    this.#device = runtime.executor.device;
    this.#prefillTokens = prefillTokens;
    this.#small = new Programs(runtime.executor);
    this.#words = new LoopedWords(runtime, this.#small, prefillTokens);
  }

  /** Sample the responses of one wave. */
  async sample(members: readonly WaveMember[], job: Job): Promise<void> {
    const { sampling, giveUp } = job;
    const { decoder } = this.#runtime.model;
    const prompts = members.map(({ request }) => job.requests[request]!.prompt);
    const turns = job.goOn !== undefined;
    const sizes = sizesOf(members, prompts, sampling.maxNewTokens, turns);
    const wave = new LoopedWave(members, job, this.#runtime, prompts, sizes);
    const settings = {
      greedy: sampling.temperature === 0,
      truncated: sampling.topK > 0 || sampling.topP < 1,
      ownMasks: turns,
    };
    const numbers = drawNumbers(sampling, decoder.vocabularySize);
    const { scores, prefix } = await this.#prefill(prompts, sizes);
    const { loop, prepare } = await this.#loop(settings);
    const draw = (from: DeviceArray, rows: Feeds): Promise<Float32Array> =>
      this.#draw(from, { ...numbers, ...rows }, settings);
    let prepared: Prepared | null = null;
    let own: Record<string, DeviceArray> = {};
    try {
      wave.takeFirst(await draw(scores, wave.firstRows()));
      prepared = wave.isDone ? null : await prepare({ ...prefix, ...numbers });
      // Rounds have the prefixes in what was prepared; words read them as they are.
      if (!turns) for (const array of Object.values(prefix)) this.#device.free(array);
      const cache = [sizes.B, decoder.keyValueHeads, sizes.N, sizes.L, decoder.headSize];
      if (!wave.isDone) for (const name of cacheNames(decoder.layers)) own[`own.${name}`] = loop.zeros(cache);
      for (;;) {
        while (wave.isSampling) {
          giveUp?.throwIfAborted();
          if (!wave.hasRoom) await this.#words.layAnew(own, wave.layAnew(decoder.keyValueHeads));
          const given: Feeds = { ...own, ...wave.feeds() };
          own = {};
          const { carried, outputs } = await loop.run(sizes.rounds, prepared!, given);
          const { tokens, ...caches } = carried;
          this.#device.free(tokens!);
          own = caches;
          wave.take((outputs["drawn"] as HostArray).data as Float32Array);
        }
        const words = await wave.goOn();
        giveUp?.throwIfAborted();
        if (words === null) break;
        await this.#words.read(words, { wave, sizes, prefix, own, draw });
      }
    } finally {
      prepared?.release();
      for (const array of [...Object.values(own), ...Object.values(prefix)]) this.#device.free(array);
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
    const loop =
      this.#loops.get(key) ??
      this.#runtime.compileLoop((graph, parameters) => trace(graph, parameters, this.#runtime.model), options);
    this.#loops.set(key, loop);
    return loop;
  }

  /**
   * Scores of the first tokens [B, V] and the prefixes' caches "prefix.…" [B, kv, P, D], of all prompts and of copies
   * up to B.
   */
  async #prefill(
    prompts: readonly EncodedPrompt[],
    { B, P }: WaveSizes,
  ): Promise<{ scores: DeviceArray; prefix: Record<string, DeviceArray> }> {
    const { decoder } = this.#runtime.model;
    const features = await this.#runtime.pictures.of(prompts);
    const { executor } = this.#runtime;
    const inBlocks = readsInBlocks(P, executor);
    const program =
      this.#scores.get(inBlocks) ??
      this.#runtime.compile((graph, parameters) => traceScores(inBlocks)(graph, parameters, this.#runtime.model));
    this.#scores.set(inBlocks, program);
    const atOnce = largestDivisor(B, Math.max(1, Math.floor(this.#prefillTokens / P)));
    const padded = Array.from({ length: B }, (_, b) => prompts[b] ?? prompts[0]!);
    const parts: Record<string, DeviceArray>[] = [];
    for (let first = 0; first < B; first += atOnce) {
      const chunk = padded.slice(first, first + atOnce);
      const { placed, matrix } = this.#runtime.pictures.place(chunk, features);
      const last = Int32Array.from(chunk, (prompt, b) => b * P + promptLength(prompt) - 1);
      const feeds = {
        ...prefixFeeds(decoder, placed, matrix, { inBlocks, P, padded: true }),
        last: { shape: [chunk.length], data: last },
      };
      parts.push(await this.#runtime.runOnDevice(await program, feeds));
    }
    const { scores, ...cache } = await this.#joined(parts);
    return {
      scores: scores!,
      prefix: Object.fromEntries(Object.entries(cache).map(([name, array]) => [`prefix.${name}`, array])),
    };
  }

  /** Arrays of one name one after the other along the first axis. */
  async #joined(parts: readonly Record<string, DeviceArray>[]): Promise<Record<string, DeviceArray>> {
    if (parts.length === 1) return parts[0]!;
    const joined: Record<string, DeviceArray> = {};
    for (const name of Object.keys(parts[0]!)) {
      const arrays = parts.map((part) => part[name]!);
      const key = `join ${arrays.map(({ shape }) => shape.join(",")).join(" ")}`;
      const { all } = await this.#small.runOnDevice(
        key,
        (graph) => {
          graph.output(
            "all",
            concat(
              arrays.map(({ shape }, i) => graph.input(String(i), shape)),
              0,
            ),
          );
        },
        Object.fromEntries(arrays.map((array, i) => [i, array])),
      );
      joined[name] = all!;
      for (const array of arrays) this.#device.free(array);
    }
    return joined;
  }

  /**
   * Draw from scores [B, V], which are taken over. @param feeds numbers, and by row what it draws from and its words
   */
  async #draw(scores: DeviceArray, feeds: Feeds, settings: RoundSettings): Promise<Float32Array> {
    const { vocabularySize } = this.#runtime.model.decoder;
    const program = await this.#small.get(`draw ${JSON.stringify(settings)}`, (graph) =>
      traceFirstDraw(graph, vocabularySize, settings),
    );
    try {
      const { drawn } = await runOnDevice(program, { scores, ...feeds });
      const data = this.#device.get(drawn!);
      this.#device.free(drawn!);
      return data;
    } finally {
      this.#device.free(scores);
    }
  }
}

function drawNumbers(
  { temperature, topK, topP, bannedTokens }: SamplingSettings,
  vocabulary: number,
): Record<string, HostArray> {
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
