/**
 * Keys and values of a wave, owned by the host: the graph returns only a step's new rows, since fetching a whole cache would copy it
 * every step. All responses of a wave have the same number of cached tokens.
 */
import type { HostArray } from "../graph/executor.ts";

/** Sizes that a model fixes. */
export interface CacheShape {
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
}

/** Names of the cached arrays, per layer a key and a value. */
export const cacheNames = (layers: number): string[] => Array.from({ length: layers }, (_, layer) => [`key.${layer}`, `value.${layer}`]).flat();

/** Room for responses grows in steps of this many tokens or a quarter, whichever is more. */
const GROWTH = 32;

export class WaveCache {
  /** Prompts, prompt tokens, responses per prompt, tokens a response has room for, tokens cached per response. */
  B: number;
  readonly P: number;
  N: number;
  room: number;
  used = 0;
  readonly #shape: CacheShape;
  readonly #names: readonly string[];
  readonly #mostTokens: number;
  /** By name, [B, kv, P, D] and [B, kv, N, room, D]. */
  readonly #prefix = new Map<string, Float32Array>();
  readonly #own = new Map<string, Float32Array>();

  /** @param mostTokens tokens that a response can have at most: the room never exceeds them. */
  constructor(shape: CacheShape, { B, P, N, mostTokens }: { readonly B: number; readonly P: number; readonly N: number; readonly mostTokens: number }) {
    this.#shape = shape;
    this.#names = cacheNames(shape.layers);
    this.#mostTokens = mostTokens;
    [this.B, this.P, this.N] = [B, P, N];
    this.room = Math.min(GROWTH, mostTokens);
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
        target.set(data.subarray(block * length, (block + 1) * length), (first * keyValueHeads + block) * this.P * headSize);
      }
    }
  }

  /** Append one token to every response: rows [B, kv, N, D] by name. */
  append(arrays: Readonly<Record<string, HostArray>>): void {
    const { keyValueHeads, headSize } = this.#shape;
    const rows = this.B * keyValueHeads * this.N;
    for (const name of this.#names) {
      const source = (arrays[name] as HostArray).data;
      const target = this.#own.get(name) as Float32Array;
      for (let row = 0; row < rows; row++) {
        const from = row * headSize;
        const to = (row * this.room + this.used) * headSize;
        for (let i = 0; i < headSize; i++) target[to + i] = source[from + i] as number;
      }
    }
    this.used++;
  }

  /** Make room for one more token if there is none. */
  grow(): void {
    if (this.used < this.room) return;
    const wanted = Math.max(this.room + GROWTH, Math.ceil((1.25 * this.room) / GROWTH) * GROWTH);
    this.#move(this.N, Math.min(wanted, this.#mostTokens), (b, n) => b * this.N + n, this.B);
  }

  /**
   * Keep some responses only: `kept[b][n]` is the old index b·N + n of a response, one list per prompt that stays, in the order of the
   * prompts. Shorter lists leave empty slots.
   */
  keep(kept: readonly (readonly number[])[]): void {
    const N = Math.max(...kept.map((rows) => rows.length));
    const prompts = kept.map((rows) => Math.floor((rows[0] as number) / this.N));
    this.#move(N, this.room, (b, n) => kept[b]![n] ?? -1, kept.length);
    if (kept.length < this.B) this.#keepPrefixes(prompts);
    [this.B, this.N] = [kept.length, N];
  }

  /** The decode graph's inputs: "prefix.key.0", "own.key.0", … */
  feeds(): Record<string, HostArray> {
    const { keyValueHeads, headSize } = this.#shape;
    const feeds: Record<string, HostArray> = {};
    for (const [name, data] of this.#prefix) feeds[`prefix.${name}`] = { shape: [this.B, keyValueHeads, this.P, headSize], data };
    for (const [name, data] of this.#own) feeds[`own.${name}`] = { shape: [this.B, keyValueHeads, this.N, this.room, headSize], data };
    return feeds;
  }

  /** Lay the responses' rows out anew; `oldRow` gives b·N + n of before, or −1 for a slot left empty. */
  #move(N: number, room: number, oldRow: (b: number, n: number) => number, B: number): void {
    const { keyValueHeads, headSize } = this.#shape;
    const length = this.used * headSize;
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
