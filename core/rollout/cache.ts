/**
 * Keys and values of a wave, owned by the host: the graph returns only a step's new rows, since fetching a whole cache
 * would copy it every step. Responses of a wave have the same number of cached tokens until an environment puts words
 * into some of them.
 */
import type { HostArray } from "../graph/executor.ts";

/** Sizes that a model fixes. */
export interface CacheShape {
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
}

/** Names of the cached arrays, per layer a key and a value. */
export const cacheNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, layer) => [`key.${layer}`, `value.${layer}`]).flat();

/** Room for responses grows in steps of this many tokens or a quarter, whichever is more. */
const GROWTH = 32;

export class WaveCache {
  /** Prompts, prompt tokens, responses per prompt, tokens a response has room for. */
  B: number;
  readonly P: number;
  N: number;
  room: number;
  /** Tokens cached of each response, [B·N]. */
  lengths: Int32Array;
  readonly #shape: CacheShape;
  readonly #names: readonly string[];
  readonly #mostTokens: number;
  /** By name, [B, kv, P, D] and [B, kv, N, room, D]. */
  readonly #prefix = new Map<string, Float32Array>();
  readonly #own = new Map<string, Float32Array>();

  /** @param mostTokens tokens that a response can have at most: the room never exceeds them. */
  constructor(
    shape: CacheShape,
    {
      B,
      P,
      N,
      mostTokens,
    }: { readonly B: number; readonly P: number; readonly N: number; readonly mostTokens: number },
  ) {
    this.#shape = shape;
    this.#names = cacheNames(shape.layers);
    this.#mostTokens = mostTokens;
    [this.B, this.P, this.N] = [B, P, N];
    this.room = Math.min(GROWTH, mostTokens);
    this.lengths = new Int32Array(B * N);
    const { keyValueHeads, headSize } = shape;
    for (const name of this.#names) {
      this.#prefix.set(name, new Float32Array(B * keyValueHeads * P * headSize));
      this.#own.set(name, new Float32Array(B * keyValueHeads * N * this.room * headSize));
    }
  }

  /** Bytes of all arrays. */
  get bytes(): number {
    let bytes = 0;
    for (const arrays of [this.#prefix, this.#own]) for (const { byteLength } of arrays.values()) bytes += byteLength;
    return bytes;
  }

  /** Write the prefixes of prompts `first`, first + 1, …: arrays [b, kv, p, D] by name, p at most P. */
  setPrefix(first: number, arrays: Readonly<Record<string, HostArray>>): void {
    const { keyValueHeads, headSize } = this.#shape;
    for (const name of this.#names) {
      const { shape, data } = arrays[name] as HostArray;
      const [prompts, length] = [shape[0] as number, (shape[2] as number) * headSize];
      const target = this.#prefix.get(name) as Float32Array;
      for (let block = 0; block < prompts * keyValueHeads; block++) {
        target.set(
          data.subarray(block * length, (block + 1) * length),
          (first * keyValueHeads + block) * this.P * headSize,
        );
      }
    }
  }

  /**
   * Append one token to every response that goes on: rows [B, kv, N, D] by name. @param goesOn of b·N + n; default: all
   * do
   */
  append(arrays: Readonly<Record<string, HostArray>>, goesOn: (row: number) => boolean = () => true): void {
    this.appendWords(0, arrays, (row) => (goesOn(row) ? 1 : 0));
  }

  /**
   * Append tokens to responses of prompts `first`, first + 1, …: arrays [b, kv, N, …, D] by name, which have as many
   * tokens for each response as for
   * the one that gets most. There must be room.
   * @param count tokens of b·N + n that are appended, the first ones
   */
  appendWords(first: number, arrays: Readonly<Record<string, HostArray>>, count: (row: number) => number): void {
    const { keyValueHeads: kv, headSize } = this.#shape;
    const { B, N, room } = this;
    const {
      shape,
      data: { length },
    } = arrays[this.#names[0]!] as HostArray;
    const prompts = Math.min(shape[0] as number, B - first);
    const given = length / (prompts * kv * N);
    const counts = Array.from({ length: prompts * N }, (_, i) => count(first * N + i));
    for (const name of this.#names) {
      const source = (arrays[name] as HostArray).data;
      const target = this.#own.get(name) as Float32Array;
      for (let b = 0; b < prompts; b++) {
        for (let n = 0; n < N; n++) {
          const row = (first + b) * N + n;
          const size = counts[b * N + n]! * headSize;
          if (size === 0) continue;
          for (let head = 0; head < kv; head++) {
            const from = ((b * kv + head) * N + n) * given;
            const to = ((((first + b) * kv + head) * N + n) * room + this.lengths[row]!) * headSize;
            for (let i = 0; i < size; i++) target[to + i] = source[from + i] as number;
          }
        }
      }
    }
    counts.forEach((added, i) => (this.lengths[first * N + i]! += added));
  }

  /** Make room for one more token of the longest response if there is none. */
  grow(): void {
    this.reserve(Math.max(...this.lengths) + 1);
  }

  /** Make room for so many tokens of a response, in all; never more than one can have. */
  reserve(tokens: number): void {
    if (Math.min(tokens, this.#mostTokens) <= this.room) return;
    const wanted = Math.max(tokens, this.room + GROWTH, Math.ceil((1.25 * this.room) / GROWTH) * GROWTH);
    this.#move(this.N, Math.min(wanted, this.#mostTokens), (b, n) => b * this.N + n, this.B);
  }

  /**
   * Keep some responses only: `kept[b][n]` is the old index b·N + n of a response, one list per prompt that stays, in
   * the order of the prompts. Shorter lists leave empty slots.
   */
  keep(kept: readonly (readonly number[])[]): void {
    const N = Math.max(...kept.map((rows) => rows.length));
    const prompts = kept.map((rows) => Math.floor((rows[0] as number) / this.N));
    const oldRow = (b: number, n: number): number => kept[b]![n] ?? -1;
    this.#move(N, this.room, oldRow, kept.length);
    const longest = Math.max(...this.lengths);
    this.lengths = Int32Array.from(
      { length: kept.length * N },
      (_, row) => this.lengths[oldRow(Math.floor(row / N), row % N)] ?? longest,
    );
    if (kept.length < this.B) this.#keepPrefixes(prompts);
    [this.B, this.N] = [kept.length, N];
  }

  /** The decode graph's inputs: "prefix.key.0", "own.key.0", …; of prompts `first` … end − 1, by default of all. */
  feeds(first = 0, end = this.B): Record<string, HostArray> {
    const { keyValueHeads, headSize } = this.#shape;
    const feeds: Record<string, HostArray> = {};
    const isAll = first === 0 && end === this.B;
    const part = (data: Float32Array): Float32Array =>
      isAll ? data : data.subarray((first * data.length) / this.B, (end * data.length) / this.B);
    for (const [name, data] of this.#prefix)
      feeds[`prefix.${name}`] = { shape: [end - first, keyValueHeads, this.P, headSize], data: part(data) };
    for (const [name, data] of this.#own)
      feeds[`own.${name}`] = { shape: [end - first, keyValueHeads, this.N, this.room, headSize], data: part(data) };
    return feeds;
  }

  /** Lay the responses' rows out anew; `oldRow` gives b·N + n of before, or −1 for a slot left empty. */
  #move(N: number, room: number, oldRow: (b: number, n: number) => number, B: number): void {
    const { keyValueHeads, headSize } = this.#shape;
    const length = Math.max(...this.lengths) * headSize;
    for (const [name, old] of this.#own) {
      const moved = new Float32Array(B * keyValueHeads * N * room * headSize);
      for (let b = 0; b < B; b++) {
        for (let n = 0; n < N; n++) {
          const row = oldRow(b, n);
          if (row < 0) continue;
          const [oldB, oldN] = [Math.floor(row / this.N), row % this.N];
          for (let head = 0; head < keyValueHeads; head++) {
            const from = ((oldB * keyValueHeads + head) * this.N + oldN) * this.room * headSize;
            moved.set(old.subarray(from, from + length), ((b * keyValueHeads + head) * N + n) * room * headSize);
          }
        }
      }
      this.#own.set(name, moved);
    }
    this.room = room;
  }

  #keepPrefixes(prompts: readonly number[]): void {
    const size = this.#shape.keyValueHeads * this.P * this.#shape.headSize;
    for (const [name, old] of this.#prefix) {
      const moved = new Float32Array(prompts.length * size);
      prompts.forEach((prompt, b) => moved.set(old.subarray(prompt * size, (prompt + 1) * size), b * size));
      this.#prefix.set(name, moved);
    }
  }
}
