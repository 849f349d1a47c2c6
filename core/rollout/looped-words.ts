/**
 * What was put into responses after a turn goes through the decoder, where caches stay on a device: what is cached of
 * them is read where it is, and each response's cache is laid anew with its words after what it had.
 */
import type { Device, DeviceArray, Feeds, HostArray } from "../graph/executor.ts";
import type { Programs } from "../graph/programs.ts";
import { bucket } from "../math/bucket.ts";
import type { ModelProgram, ModelRuntime } from "../model/runtime.ts";
import { cacheNames } from "./cache.ts";
import type { NewWords } from "./job.ts";
import { wordsBytes } from "./limits.ts";
import type { LoopedWave, WaveSizes } from "./looped-wave.ts";
import { traceRelaid, traceWordScores } from "./programs.ts";
import { wordRows } from "./read-words.ts";

export interface LoopedReading {
  readonly wave: LoopedWave;
  readonly sizes: WaveSizes;
  /** "prefix.…" by name, [B, kv, P, D]. */
  readonly prefix: Readonly<Record<string, DeviceArray>>;
  /** The wave's caches, "own.…" by name, [B, kv, N, L, D]; those that are laid anew take their places. */
  readonly own: Record<string, DeviceArray>;
  /** Draws from scores, which it takes over; see LoopedWave.drawsFrom. */
  readonly draw: (scores: DeviceArray, rows: Feeds) => Promise<Float32Array>;
}

export class LoopedWords {
  readonly #runtime: ModelRuntime;
  readonly #device: Device;
  readonly #small: Programs;
  readonly #tokensAtOnce: number;
  #program: Promise<ModelProgram> | null = null;

  /** @param tokensAtOnce words, padding included, that go through the decoder at once */
  constructor(runtime: ModelRuntime, small: Programs, tokensAtOnce: number) {
    this.#runtime = runtime;
    this.#device = runtime.executor.device!;
    this.#small = small;
    this.#tokensAtOnce = tokensAtOnce;
  }

  /**
   * Read the words of a wave's rows into its caches, and draw the token after the last of each. @param words by row,
   * null for none
   */
  async read(words: readonly (NewWords | null)[], { wave, sizes, prefix, own, draw }: LoopedReading): Promise<void> {
    const { decoder } = this.#runtime.model;
    const { B, N } = sizes;
    const rows = await wordRows(this.#runtime, words, true);
    const W = wordsAtOnce({ ...sizes, heads: decoder.heads, longest: rows.longest }, this.#tokensAtOnce);
    this.#program ??= this.#runtime.compile((graph, parameters) =>
      traceWordScores(graph, parameters, this.#runtime.model),
    );
    const program = await this.#program;
    for (let from = 0; from < rows.longest; from += W) {
      const inPiece = (row: number): number => Math.min(Math.max(rows.lengthOf(row) - from, 0), W);
      const isLast = (row: number): boolean => rows.lengthOf(row) > from && rows.lengthOf(row) <= from + W;
      const last = Int32Array.from({ length: B * N }, (_, row) => row * W + Math.max(inPiece(row) - 1, 0));
      const { scores, ...computed } = await this.#runtime.runOnDevice(program, {
        ...rows.feeds([0, B], N, [from, from + W]),
        ...prefix,
        ...own,
        mask: wave.wordsMask(),
        last: { shape: [last.length], data: last },
      });
      await this.layAnew(own, wave.layAnew(decoder.keyValueHeads, W, inPiece), computed);
      const each = Int32Array.from({ length: B * N }, (_, row) => row);
      if (each.some(isLast)) wave.takeFirst(await draw(scores!, wave.drawsFrom(each)), isLast);
      else this.#device.free(scores!);
    }
  }

  /**
   * Lay caches anew, in `own`. @param index LoopedWave.layAnew's @param words "key.0" … [B, kv, N, W, D], which are
   * taken over; those that lie at the end of `index`
   */
  async layAnew(
    own: Record<string, DeviceArray>,
    index: HostArray,
    words: Readonly<Record<string, DeviceArray>> | null = null,
  ): Promise<void> {
    const { decoder } = this.#runtime.model;
    const names = cacheNames(decoder.layers);
    for (let layer = 0; layer < decoder.layers; layer++) {
      const [key, value] = names.slice(2 * layer, 2 * layer + 2) as [string, string];
      const taken = words === null ? {} : { "words.key": words[key]!, "words.value": words[value]! };
      const next = await this.#small.runOnDevice(
        words === null ? "lay anew" : "lay anew with words",
        (graph) => traceRelaid(graph, decoder, words !== null),
        { key: own[`own.${key}`]!, value: own[`own.${value}`]!, ...taken, index },
      );
      for (const array of [own[`own.${key}`]!, own[`own.${value}`]!, ...Object.values(taken)]) this.#device.free(array);
      own[`own.${key}`] = next["next.key"]!;
      own[`own.${value}`] = next["next.value"]!;
    }
  }
}

/** Words of each response that go through the decoder at once, one of few sizes: as many as their scores allow. */
export function wordsAtOnce(
  { B, N, P, L, heads, longest }: Readonly<Record<"B" | "N" | "P" | "L" | "heads" | "longest", number>>,
  tokensAtOnce: number,
): number {
  const all = bucket(longest);
  const scores = 4 * B * N * heads * (P + L + all);
  const most = Math.max(1, Math.min(Math.floor(tokensAtOnce / (B * N)), Math.floor(wordsBytes / scores)));
  return all <= most ? all : 2 ** Math.floor(Math.log2(most));
}
