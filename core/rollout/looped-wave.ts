/** Responses of a wave whose tokens a device draws: what each run of rounds is fed, and where its tokens go. */
import type { HostArray } from "../graph/executor.ts";
import { bucket } from "../math/bucket.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import { forbidden } from "../model/rows/masks.ts";
import { endOf, type Job, longestOf, type NewWords, wordsAfter } from "./job.ts";
import { GrowingResponse } from "./response.ts";
import { rotaryRows } from "./rotary-rows.ts";
import type { WaveMember } from "./waves.ts";

/** Tokens of a response that are sampled before the host looks at them. */
export const roundsAtOnce = 32;

/** Sizes of a wave, padded: prompts, responses a prompt, prompt tokens, cached tokens a response, rounds of a run. */
export interface WaveSizes {
  readonly B: number;
  readonly N: number;
  readonly P: number;
  readonly L: number;
  readonly rounds: number;
}

/**
 * Responses of B prompts by N slots, row b·N + n; a slot is empty when its response is done, and is computed all the
 * same.
 *
 * All rows write a round's token at one place of the cache, whatever their lengths. So a row's cache is what was laid
 * at its front, and from the place at which the rounds since then began what it has written: between them is a gap
 * where others have more in front, which its mask leaves out. Without turns nothing is laid and there is no gap.
 */
export class LoopedWave {
  readonly #job: Job;
  readonly #runtime: ModelRuntime;
  readonly #sizes: WaveSizes;
  readonly #promptLengths: readonly number[];
  readonly #slots: (GrowingResponse | null)[];
  /** Tokens at the front of a row's cache, and those that rounds have written since they were laid there. */
  readonly #laid: Int32Array;
  readonly #written: Int32Array;
  /** Where the rounds since then began, and where the next one writes. */
  #from = 0;
  #place = 0;

  constructor(
    members: readonly WaveMember[],
    job: Job,
    runtime: ModelRuntime,
    prompts: readonly EncodedPrompt[],
    sizes: WaveSizes,
  ) {
    this.#job = job;
    this.#runtime = runtime;
    this.#sizes = sizes;
    this.#promptLengths = prompts.map(promptLength);
    const rows = sizes.B * sizes.N;
    this.#slots = new Array<GrowingResponse | null>(rows).fill(null);
    this.#laid = new Int32Array(rows);
    this.#written = new Int32Array(rows);
    for (const [b, { request, first, count }] of members.entries()) {
      const { next } = runtime.model.decoder.positions(prompts[b]!);
      for (let n = 0; n < count; n++) {
        const key = job.requests[request]!.keys[first + n]!;
        this.#slots[b * sizes.N + n] = new GrowingResponse(request, first + n, key, next);
      }
    }
  }

  get isDone(): boolean {
    return this.#slots.every((slot) => slot === null);
  }

  /** Whether tokens of a response are to be drawn: it is not done, and its turn has not ended. */
  get isSampling(): boolean {
    return this.#slots.some((slot) => slot?.waits === false);
  }

  /** Whether the cache has places for another run of rounds. */
  get hasRoom(): boolean {
    return this.#place + this.#sizes.rounds <= this.#sizes.L;
  }

  /** Give responses their first tokens, or the first after words, [B·N, 3]. @param has whether a row gets one */
  takeFirst(drawn: Float32Array, has: (row: number) => boolean = () => true): void {
    for (const [row, response] of this.#slots.entries())
      if (response !== null && has(row)) this.#append(response, row, drawn, row);
  }

  /** Give responses the tokens of a run of rounds, [rounds, B·N, 3]. */
  take(drawn: Float32Array): void {
    const { B, N, rounds } = this.#sizes;
    this.#place += rounds;
    for (let round = 0; round < rounds; round++) {
      // Slots change while they are gone through.
      for (let row = 0; row < B * N; row++) {
        const response = this.#slots[row];
        if (response?.waits !== false) continue;
        this.#written[row]!++;
        this.#append(response, row, drawn, round * B * N + row);
      }
    }
  }

  /** Those that end are handed on and leave; those whose turn ends wait where something may go on after it. */
  #append(response: GrowingResponse, row: number, drawn: Float32Array, at: number): void {
    response.append(drawn[3 * at]!, drawn[3 * at + 1]!, drawn[3 * at + 2]!);
    const finish = endOf(response, this.#job);
    if (finish !== null) this.#finish(row, finish);
  }

  #finish(row: number, finish: "stop" | "length"): void {
    const response = this.#slots[row]!;
    this.#slots[row] = null;
    this.#job.onResponse(response.finish(finish));
  }

  /**
   * Ask what goes on after the turns that have ended; others are done.
   * @returns by row, what has to go through the decoder: the newest token of each and what was put after it; null when
   * nothing goes on
   */
  async goOn(): Promise<readonly (NewWords | null)[] | null> {
    const words = await wordsAfter(this.#slots, this.#job, this.#runtime.model.decoder);
    this.#slots.forEach((response, row) => response?.waits === true && this.#finish(row, "stop"));
    return words.size === 0 ? null : this.#slots.map((response) => response && (words.get(response) ?? null));
  }

  /**
   * Lay what is cached of each row at its front, and words after it.
   * @param words of each row, of `given` computed ones
   * @returns for each place of the new cache, [B·kv·N·L], the place of the old one and of the words after it
   */
  layAnew(keyValueHeads: number, given = 0, words: (row: number) => number = () => 0): HostArray {
    const { B, N, L } = this.#sizes;
    const places = new Int32Array(B * keyValueHeads * N * L);
    for (let row = 0; row < B * N; row++) {
      const [laid, written, added] = [this.#laid[row]!, this.#written[row]!, words(row)];
      const cached = laid + written;
      // Of a row that is done nothing is read; others have room for all their tokens.
      const length = this.#slots[row] === null ? 0 : cached + added;
      const [b, n] = [Math.floor(row / N), row % N];
      for (let head = 0; head < keyValueHeads; head++) {
        const block = (b * keyValueHeads + head) * N + n;
        const [into, start] = [block * L, block * (L + given)];
        for (let place = 0; place < length; place++)
          places[into + place] =
            start + (place < laid ? place : place < cached ? this.#from + place - laid : L + place - cached);
      }
      this.#laid[row] = length;
      this.#written[row] = 0;
    }
    this.#from = this.#place = this.#laid.reduce((a, b) => Math.max(a, b), 0);
    return { shape: [places.length], data: places };
  }

  /** For the first draw: each row's prompt, and its words. */
  firstRows(): Record<string, HostArray> {
    const { B, N } = this.#sizes;
    return this.drawsFrom(Int32Array.from({ length: B * N }, (_, row) => Math.floor(row / N)));
  }

  /** For a draw of the next token: the scores' row that each row's is drawn from, and its words. */
  drawsFrom(scoresOf: Int32Array): Record<string, HostArray> {
    const { B, N } = this.#sizes;
    return { "row.of": { shape: [B * N], data: scoresOf }, words: { shape: [B * N, 2], data: this.#words(1) } };
  }

  /** What the next rounds have of their own, and the newest tokens, [B, N]. */
  feeds(): Record<string, HostArray> {
    const { B, N, rounds } = this.#sizes;
    const places = Int32Array.from({ length: rounds }, (_, round) => this.#place + round);
    const newest = Int32Array.from(this.#slots, (response) => Math.max(0, response?.lastToken ?? 0));
    return {
      ...this.#rotary(),
      mask: this.#mask(),
      place: { shape: [rounds, 1], data: places },
      words: { shape: [rounds, B * N, 2], data: this.#words(rounds) },
      tokens: { shape: [B, N], data: newest },
    };
  }

  /** Of the next tokens, [rounds, B·N, 2]. */
  #words(rounds: number): Int32Array {
    const rows = this.#slots.length;
    const data = new Int32Array(rounds * rows * 2);
    for (let round = 0; round < rounds; round++)
      this.#slots.forEach(
        (response, row) => response && data.set(response.words(response.length + round), 2 * (round * rows + row)),
      );
    return data;
  }

  #rotary(): Record<string, HostArray> {
    const { B, N, rounds } = this.#sizes;
    const positions = Array.from({ length: rounds }, (_, round) =>
      this.#slots.map((response) => (response?.position ?? 0) + round),
    ).flat();
    return rotaryRows(this.#runtime.model.decoder, positions, [rounds, B, N]);
  }

  /**
   * What responses attend to: their prompt's prefix and their tokens up to the newest; [rounds, B, N, P + L], or
   * [rounds, B, P + L] where there are no turns and all of a prompt's are alike.
   */
  #mask(): HostArray {
    const { B, N, P, L, rounds } = this.#sizes;
    const own = this.#job.goOn !== undefined;
    const slots = own ? N : 1;
    const width = P + L;
    const data = new Float32Array(rounds * B * slots * width).fill(forbidden);
    for (let round = 0; round < rounds; round++) {
      for (let row = 0; row < B * slots; row++) {
        const start = (round * B * slots + row) * width;
        this.#allow(data, start, row, slots);
        data.fill(0, start + P + this.#from, start + P + this.#place + round + 1);
      }
    }
    return { shape: own ? [rounds, B, N, width] : [rounds, B, width], data };
  }

  /** What words attend to before themselves, [B, N, P + L]. */
  wordsMask(): HostArray {
    const { B, N, P, L } = this.#sizes;
    const width = P + L;
    const data = new Float32Array(B * N * width).fill(forbidden);
    for (let row = 0; row < B * N; row++) {
      this.#allow(data, row * width, row, N);
      data.fill(0, row * width + P + this.#from, row * width + P + this.#from + this.#written[row]!);
    }
    return { shape: [B, N, width], data };
  }

  /** A row's prefix and what is laid at its front. */
  #allow(mask: Float32Array, start: number, row: number, slots: number): void {
    const { P } = this.#sizes;
    mask
      .fill(0, start, start + (this.#promptLengths[Math.floor(row / slots)] ?? 1))
      .fill(0, start + P, start + P + this.#laid[row]!);
  }
}

/** @param turns whether responses may go on after a turn: rows of unlike lengths need places beside their own */
export function sizesOf(
  members: readonly WaveMember[],
  prompts: readonly EncodedPrompt[],
  maxNewTokens: number,
  turns: boolean,
): WaveSizes {
  const cached = Math.max(1, maxNewTokens - 1);
  const rounds = Math.min(roundsAtOnce, bucket(cached));
  return {
    B: bucket(members.length),
    N: bucket(Math.max(...members.map(({ count }) => count))),
    P: bucket(longestOf(prompts), 4),
    L: (Math.ceil(cached / rounds) + (turns ? 1 : 0)) * rounds,
    rounds,
  };
}
