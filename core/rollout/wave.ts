/** Responses sampled in step, from their prompts' prefixes to the last that ends. */
import type { HostArray } from "../graph/executor.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import { forbidden } from "../model/rows/masks.ts";
import { WaveCache } from "./cache.ts";
import type { GeneratedResponse } from "./engine.ts";
import { endOf, type Job, longestOf, type NewWords, wordsAfter } from "./job.ts";
import { GrowingResponse } from "./response.ts";
import { rotaryRows } from "./rotary-rows.ts";
import type { WaveMember } from "./waves.ts";

/** A wave is laid out anew when finished responses leave at most this share of its rows in use. */
const CROWDED = 0.75;

/**
 * Responses sampled in step: B prompts by N slots, row b·N + n; a slot is empty when its response is done. One whose
 * turn has ended waits until the turns of all others have: what goes on after turns is asked for at once, so that
 * neither the order nor the bits of what is computed depend on how fast it is answered.
 */
export class Wave {
  readonly cache: WaveCache;
  readonly #job: Job;
  readonly #runtime: ModelRuntime;
  #prompts: readonly WavePrompt[];
  #slots: (GrowingResponse | null)[];

  constructor(members: readonly WaveMember[], job: Job, runtime: ModelRuntime, prompts: readonly EncodedPrompt[]) {
    this.#job = job;
    this.#runtime = runtime;
    const N = Math.max(...members.map(({ count }) => count));
    this.#prompts = prompts.map((prompt) => ({ prompt, next: runtime.model.decoder.positions(prompt).next }));
    this.#slots = members.flatMap(({ request, first, count }, b) =>
      Array.from({ length: N }, (_, n) =>
        n < count
          ? new GrowingResponse(request, first + n, job.requests[request]!.keys[first + n]!, this.#prompts[b]!.next)
          : null,
      ),
    );
    const mostTokens = Math.max(1, job.sampling.maxNewTokens - 1);
    this.cache = new WaveCache(runtime.model.decoder, { B: members.length, P: longestOf(prompts), N, mostTokens });
  }

  /**
   * Give every response that goes on its next token from the probabilities' row that `rowOf` names, null for none;
   * those that end are handed on and leave, those whose
   * turn ends wait where something may go on after it.
   */
  draw(probabilities: Float32Array, rowOf: (row: number) => number | null): void {
    const { sampler } = this.#job;
    const vocabulary = this.#runtime.model.decoder.vocabularySize;
    for (const [row, response] of this.#slots.entries()) {
      const from = this.goesOn(row) ? rowOf(row) : null;
      if (response === null || from === null) continue;
      response.draw(sampler, probabilities.subarray(from * vocabulary, (from + 1) * vocabulary));
      const finish = endOf(response, this.#job);
      if (finish !== null) this.#finish(row, finish);
    }
  }

  /** Whether a row's response is being sampled: it is not done, and does not wait. */
  readonly goesOn = (row: number): boolean => this.#slots[row]?.waits === false;

  #finish(row: number, finish: GeneratedResponse["finish"]): void {
    const response = this.#slots[row]!;
    this.#slots[row] = null;
    this.#job.onResponse(response.finish(finish));
  }

  /** Drop rows that are no longer needed and make room for the next token; false when no response is being sampled. */
  makeRoom(): boolean {
    if (!this.#slots.some((_, row) => this.goesOn(row))) return false;
    this.#compact();
    this.cache.grow();
    return true;
  }

  /**
   * Ask what goes on after the turns that have ended, and put it into their responses; others are done.
   * @returns by row, what has to go through the decoder: the newest token of each and what was put after it; null when
   * nothing goes on
   */
  async goOn(): Promise<readonly (NewWords | null)[] | null> {
    const words = await wordsAfter(this.#slots, this.#job, this.#runtime.model.decoder);
    this.#slots.forEach((response, row) => response?.waits === true && this.#finish(row, "stop"));
    if (words.size === 0) return null;
    this.#compact();
    return this.#slots.map((response) => response && (words.get(response) ?? null));
  }

  /** Drop rows that are no longer needed, where they are many. */
  #compact(): void {
    const { B, N } = this.cache;
    const kept: number[][] = [];
    const prompts: WavePrompt[] = [];
    for (let b = 0; b < B; b++) {
      const rows = Array.from({ length: N }, (_, n) => b * N + n).filter((row) => this.#slots[row] !== null);
      if (rows.length === 0) continue;
      kept.push(rows);
      prompts.push(this.#prompts[b] as WavePrompt);
    }
    const width = Math.max(...kept.map((rows) => rows.length));
    if (kept.length * width <= CROWDED * B * N) {
      this.cache.keep(kept);
      this.#slots = kept.flatMap((rows) =>
        Array.from({ length: width }, (_, n) => (n < rows.length ? this.#slots[rows[n]!]! : null)),
      );
      this.#prompts = prompts;
    }
  }

  /** Inputs of the decode graph: newest tokens, their positions, the cache and its masks. */
  feeds(): Record<string, HostArray> {
    const { decoder } = this.#runtime.model;
    const { B, N } = this.cache;
    const positions = this.#slots.map((response) => response?.position ?? 0);
    return {
      tokens: { shape: [B, N], data: Int32Array.from(this.#slots, (response) => response?.lastToken ?? 0) },
      ...rotaryRows(decoder, positions, [B, N]),
      mask: this.mask(1),
      ...this.cache.feeds(),
    };
  }

  /**
   * What responses attend to: their prompt's prefix, what is cached of them, and so many newest tokens; [b, N, P + room
   * + newest], of prompts `first` … end − 1, by
   * default of all.
   */
  mask(newest: number, first = 0, end = this.cache.B): HostArray {
    const { N, P, room, lengths } = this.cache;
    const width = P + room + newest;
    const data = new Float32Array((end - first) * N * width).fill(forbidden);
    for (let row = first * N; row < end * N; row++) {
      const start = (row - first * N) * width;
      const { prompt } = this.#prompts[Math.floor(row / N)]!;
      data
        .fill(0, start, start + promptLength(prompt))
        .fill(0, start + P, start + P + lengths[row]!)
        .fill(0, start + P + room, start + width);
    }
    return { shape: [end - first, N, width], data };
  }
}

interface WavePrompt {
  readonly prompt: EncodedPrompt;
  /** Position of the first response token. */
  readonly next: number;
}
