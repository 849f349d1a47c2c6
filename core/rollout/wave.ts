/** Responses sampled in step, from their prompts' prefixes to the last that ends. */
import type { HostArray } from "../graph/executor.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import { forbidden } from "../model/rows/masks.ts";
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
  readonly giveUp?: AbortSignal;
}

/** Responses sampled in step: B prompts by N slots, row b·N + n; a slot is empty when its response is done. */
export class Wave {
  readonly cache: WaveCache;
  readonly #job: Job;
  readonly #runtime: ModelRuntime;
  #prompts: readonly WavePrompt[];
  #slots: (GrowingResponse | null)[];
  /** Tokens every response has. */
  #length = 0;

  constructor(members: readonly WaveMember[], job: Job, runtime: ModelRuntime, prompts: readonly EncodedPrompt[]) {
    this.#job = job;
    this.#runtime = runtime;
    const N = Math.max(...members.map(({ count }) => count));
    this.#prompts = prompts.map((prompt) => ({ prompt, next: runtime.model.decoder.positions(prompt).next }));
    this.#slots = members.flatMap(({ request, first, count }) =>
      Array.from({ length: N }, (_, n) => (n < count ? new GrowingResponse(request, first + n, job.requests[request]!.keys[first + n]!) : null)),
    );
    const mostTokens = Math.max(1, job.sampling.maxNewTokens - 1);
    this.cache = new WaveCache(runtime.model.decoder, { B: members.length, P: longestOf(prompts), N, mostTokens });
  }

  /** Give every response its next token from the probabilities' row that `rowOf` names; those that end are handed on and leave. */
  draw(probabilities: Float32Array, rowOf: (row: number) => number): void {
    const { sampler, sampling, onResponse } = this.#job;
    const vocabulary = this.#runtime.model.decoder.vocabularySize;
    this.#length++;
    for (const [row, response] of this.#slots.entries()) {
      if (response === null) continue;
      const start = rowOf(row) * vocabulary;
      response.draw(sampler, probabilities.subarray(start, start + vocabulary));
      const finish = sampling.stopTokens.includes(response.lastToken) ? "stop" : this.#length === sampling.maxNewTokens ? "length" : null;
      if (finish === null) continue;
      this.#slots[row] = null;
      onResponse(response.finish(finish));
    }
  }

  /** Drop rows that are no longer needed and make room for the next token; false when all responses are done. */
  makeRoom(): boolean {
    const { B, N } = this.cache;
    const kept: number[][] = [];
    const prompts: WavePrompt[] = [];
    for (let b = 0; b < B; b++) {
      const rows = Array.from({ length: N }, (_, n) => b * N + n).filter((row) => this.#slots[row] !== null);
      if (rows.length === 0) continue;
      kept.push(rows);
      prompts.push(this.#prompts[b] as WavePrompt);
    }
    if (kept.length === 0) return false;
    const width = Math.max(...kept.map((rows) => rows.length));
    if (kept.length * width <= CROWDED * B * N) {
      this.cache.keep(kept);
      this.#slots = kept.flatMap((rows) => Array.from({ length: width }, (_, n) => (n < rows.length ? this.#slots[rows[n]!]! : null)));
      this.#prompts = prompts;
    }
    this.cache.grow();
    return true;
  }

  /** Inputs of the decode graph: newest tokens, their positions, the cache and its masks. */
  feeds(): Record<string, HostArray> {
    const { decoder } = this.#runtime.model;
    const { B, N } = this.cache;
    const half = decoder.headSize / 2;
    const positions = this.#prompts.map(({ next }) => next + this.#length - 1);
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
      data.fill(0, start, start + promptLength(prompt)).fill(0, start + P, start + P + used);
      data[start + P + room] = 0;
    });
    return { shape: [B, width], data };
  }
}

interface WavePrompt {
  readonly prompt: EncodedPrompt;
  /** Position of the first response token. */
  readonly next: number;
}

/** Tokens of the longest prompt. */
export const longestOf = (prompts: readonly EncodedPrompt[]): number => Math.max(...prompts.map(promptLength));
