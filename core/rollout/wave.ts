/** Responses sampled side by side, from their prompts' prefixes to the last that ends. */
import type { HostArray } from "../graph/executor.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import { forbidden } from "../model/segments.ts";
import { WaveCache } from "./cache.ts";
import type { GeneratedResponse, RolloutRequest, SamplingSettings } from "./engine.ts";
import { GrowingResponse } from "./response.ts";
import type { RowSampler } from "./sampling.ts";
import type { WaveMember } from "./waves.ts";

/** A wave is laid out anew when finished responses leave at most this share of its rows in use. */
const CROWDED = 0.75;

/** What one call of `generate` is about. */
export interface Job {
  readonly requests: readonly RolloutRequest[];
  readonly sampling: SamplingSettings;
  readonly sampler: RowSampler;
  readonly onResponse: (response: GeneratedResponse) => void;
}

/**
 * Responses sampled side by side: B prompts by N slots, row b·N + n. A slot is empty when its response is done; a prompt whose responses are all done
 * leaves its place to the next one that waits.
 */
export class Wave {
  readonly cache: WaveCache;
  readonly #job: Job;
  readonly #runtime: ModelRuntime;
  readonly #waiting: WaveMember[];
  #prompts: WavePrompt[];
  #slots: (GrowingResponse | null)[];
  /** Prompts that have no prefix and no first token yet. */
  #fresh: number[];

  /** @param waiting pieces after the wave's own; those that get a place are taken off it */
  constructor(members: readonly WaveMember[], waiting: WaveMember[], job: Job, runtime: ModelRuntime) {
    this.#job = job;
    this.#runtime = runtime;
    this.#waiting = waiting;
    const N = Math.max(...members.map(({ count }) => count));
    this.#prompts = members.map((member) => this.#place(member));
    this.#slots = members.flatMap((member) => this.#begin(member, N));
    this.#fresh = [...members.keys()];
    const mostTokens = Math.max(1, job.sampling.maxNewTokens - 1);
    this.cache = new WaveCache(runtime.model.decoder, { B: members.length, P: longestOf(this.#prompts.map(({ prompt }) => prompt)), N, mostTokens });
  }

  /** Places whose prompts must be read before the next token, and the prompts. */
  get fresh(): readonly { readonly at: number; readonly prompt: EncodedPrompt }[] {
    return this.#fresh.map((at) => ({ at, prompt: (this.#prompts[at] as WavePrompt).prompt }));
  }

  /** The fresh prompts' first tokens, from the probabilities [fresh, V] after each prompt. */
  drawFirst(probabilities: Float32Array): void {
    const places = this.#fresh;
    this.#fresh = [];
    places.forEach((b, index) => this.#draw(b, probabilities, () => index));
  }

  /** The next token of every response, from the probabilities [B·N, V]. */
  drawNext(probabilities: Float32Array): void {
    for (let b = 0; b < this.cache.B; b++) this.#draw(b, probabilities, (row) => row);
  }

  /** Give places to prompts that wait, or drop rows that are no longer needed and make room for the next token; false when all is done. */
  makeRoom(): boolean {
    const { B, N } = this.cache;
    const live = Array.from({ length: B }, (_, b) => Array.from({ length: N }, (_, n) => b * N + n).filter((row) => this.#slots[row] !== null));
    this.#admit(live.flatMap((rows, b) => (rows.length === 0 ? [b] : [])));
    if (this.#fresh.length > 0) return true;
    const kept = live.filter((rows) => rows.length > 0);
    if (kept.length === 0) return false;
    const width = Math.max(...kept.map((rows) => rows.length));
    // While others wait, their places are kept for them.
    if (!this.#fits(this.#waiting[0]) && kept.length * width <= CROWDED * B * N) {
      this.#prompts = kept.map(([row]) => this.#prompts[Math.floor((row as number) / N)] as WavePrompt);
      this.cache.keep(kept);
      this.#slots = kept.flatMap((rows) => Array.from({ length: width }, (_, n) => (n < rows.length ? this.#slots[rows[n]!]! : null)));
    }
    this.cache.grow();
    return true;
  }

  /** Inputs of the decode graph: newest tokens, their positions, the cache and its masks. */
  feeds(): Record<string, HostArray> {
    const { decoder } = this.#runtime.model;
    const { B, N } = this.cache;
    const half = decoder.headSize / 2;
    const positions = this.#prompts.map(({ next, length }) => next + length - 1);
    const { cos, sin } = decoder.rotary(Int32Array.from([...positions, ...positions, ...positions]));
    const repeat = (rows: Float32Array): HostArray => {
      const data = new Float32Array(B * N * half);
      for (let row = 0; row < B * N; row++) {
        const prompt = Math.floor(row / N);
        data.set(rows.subarray(prompt * half, (prompt + 1) * half), row * half);
      }
      return { shape: [B, N, half], data };
    };
    return {
      tokens: { shape: [B, N], data: Int32Array.from(this.#slots, (response) => response?.lastToken ?? 0) },
      cos: repeat(cos),
      sin: repeat(sin),
      mask: this.#mask(),
      ...this.cache.feeds(),
    };
  }

  /** What a prompt's responses attend to: its prefix, what is cached of them, and their newest token; [B, P + room + 1]. */
  #mask(): HostArray {
    const { B, P, room, used } = this.cache;
    const width = P + room + 1;
    const data = new Float32Array(B * width).fill(forbidden);
    this.#prompts.forEach(({ prompt }, b) => {
      const start = b * width;
      data.fill(0, start, start + promptLength(prompt)).fill(0, start + P, start + P + (used[b] as number));
      data[start + P + room] = 0;
    });
    return { shape: [B, width], data };
  }

  /** Each response to prompt b its next token; those that end are handed on and leave. */
  #draw(b: number, probabilities: Float32Array, rowOf: (row: number) => number): void {
    const { sampler, sampling, onResponse } = this.#job;
    const vocabulary = this.#runtime.model.decoder.vocabularySize;
    const place = this.#prompts[b] as WavePrompt;
    place.length++;
    const N = this.#slots.length / this.#prompts.length;
    for (let row = b * N; row < (b + 1) * N; row++) {
      const response = this.#slots[row] as GrowingResponse | null;
      if (response === null) continue;
      const start = rowOf(row) * vocabulary;
      response.draw(sampler, probabilities.subarray(start, start + vocabulary));
      const finish = sampling.stopTokens.includes(response.lastToken) ? "stop" : place.length === sampling.maxNewTokens ? "length" : null;
      if (finish === null) continue;
      this.#slots[row] = null;
      onResponse(response.finish(finish));
    }
  }

  /** Let waiting pieces begin in these places. */
  #admit(places: readonly number[]): void {
    for (const b of places) {
      const member = this.#waiting[0];
      if (!this.#fits(member)) return;
      this.#waiting.shift();
      this.#prompts[b] = this.#place(member);
      this.#slots.splice(b * this.cache.N, this.cache.N, ...this.#begin(member, this.cache.N));
      this.#fresh.push(b);
    }
  }

  #fits(member: WaveMember | undefined): member is WaveMember {
    return member !== undefined && member.count <= this.cache.N && promptLength(this.#promptOf(member)) <= this.cache.P;
  }

  #promptOf({ request }: WaveMember): EncodedPrompt {
    return (this.#job.requests[request] as RolloutRequest).prompt;
  }

  #place(member: WaveMember): WavePrompt {
    const prompt = this.#promptOf(member);
    return { prompt, next: this.#runtime.model.decoder.positions(prompt).next, length: 0 };
  }

  #begin({ request, first, count }: WaveMember, N: number): (GrowingResponse | null)[] {
    const { keys } = this.#job.requests[request] as RolloutRequest;
    return Array.from({ length: N }, (_, n) => (n < count ? new GrowingResponse(request, first + n, keys[first + n]!) : null));
  }
}

interface WavePrompt {
  readonly prompt: EncodedPrompt;
  /** Position of the first response token. */
  readonly next: number;
  /** Tokens that its responses have. */
  length: number;
}

/** Tokens of the longest prompt. */
export const longestOf = (prompts: readonly EncodedPrompt[]): number => Math.max(...prompts.map(promptLength));
