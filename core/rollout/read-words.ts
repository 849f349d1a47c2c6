/**
 * What was put into responses after a turn goes through the decoder: what is cached of them is read, and nothing is
 * computed again.
 */
import type { HostArray } from "../graph/executor.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import { WordRows, type Words } from "../model/rows/words.ts";
import { wordsBytes } from "./limits.ts";
import type { LazyProgram } from "./programs.ts";
import type { NewWords } from "./job.ts";
import type { Wave } from "./wave.ts";

export interface Reading {
  readonly runtime: ModelRuntime;
  /** Of `traceWords`. */
  readonly program: LazyProgram;
  readonly inverseTemperature: HostArray;
  /** Words, padding included, that go through the decoder at once, but for the words of one response. */
  readonly tokensAtOnce: number;
}

/**
 * Read the words of a wave's rows into its cache, and draw the token after the last of each. @param words by row, null
 * for none
 */
export async function readWords(
  wave: Wave,
  words: readonly (NewWords | null)[],
  { runtime, program, inverseTemperature, tokensAtOnce }: Reading,
): Promise<void> {
  const { decoder } = runtime.model;
  const { cache } = wave;
  const rows = await wordRows(runtime, words);
  cache.reserve(Math.max(...words.map((own, row) => (own === null ? 0 : cache.lengths[row]! + own.ids.length))));
  const { size, prompts } = wordPieces({ ...cache, heads: decoder.heads, longest: rows.longest }, tokensAtOnce);
  for (let from = 0; from < rows.longest; from += size) {
    const end = Math.min(from + size, rows.longest);
    const inPiece = (row: number): number => Math.min(Math.max(rows.lengthOf(row) - from, 0), end - from);
    for (let first = 0; first < cache.B; first += prompts) {
      const part = [first, Math.min(first + prompts, cache.B)] as const;
      const own = Array.from({ length: (part[1] - first) * cache.N }, (_, i) => inPiece(first * cache.N + i));
      if (own.every((count) => count === 0)) continue;
      const last = Int32Array.from(own, (count, i) => i * (end - from) + Math.max(count - 1, 0));
      const result = await program({
        ...rows.feeds(part, cache.N, [from, end]),
        ...cache.feeds(...part),
        mask: wave.mask(0, ...part),
        last: { shape: [last.length], data: last },
        inverseTemperature,
      });
      cache.appendWords(first, result, inPiece);
      const [start, stop] = part.map((prompt) => prompt * cache.N) as [number, number];
      const isLast = (row: number): boolean =>
        row >= start && row < stop && rows.lengthOf(row) > from && rows.lengthOf(row) <= end;
      wave.draw((result["probabilities"] as HostArray).data as Float32Array, (row) =>
        isLast(row) ? row - start : null,
      );
    }
  }
}

/** Words by row, with the features of their pictures. @param padded their tables have one of few sizes */
export async function wordRows(
  { model, pictures }: ModelRuntime,
  words: readonly (NewWords | null)[],
  padded = false,
): Promise<WordRows> {
  const heard = words.filter((own) => own !== null);
  const { placed, matrix } = pictures.place(heard, await pictures.of(heard));
  const featuresOf = new Map(placed.map(({ prompt, featureRows }) => [prompt, featureRows]));
  const placedWords = words.map(
    (own): Words | null => own && { tokens: own.ids, featureRows: featuresOf.get(own)!, components: own.components },
  );
  return new WordRows(model.decoder, placedWords, matrix, padded);
}

/** Words of a response, and prompts with all their responses, that go through the decoder at once. */
export function wordPieces(
  { N, P, room, heads, longest }: Readonly<Record<"N" | "P" | "room" | "heads" | "longest", number>>,
  tokensAtOnce: number,
): { readonly size: number; readonly prompts: number } {
  const scores = 4 * N * heads * (P + room + longest);
  const size = Math.max(1, Math.min(longest, Math.floor(tokensAtOnce / N), Math.floor(wordsBytes / scores)));
  return {
    size,
    prompts: Math.max(1, Math.min(Math.floor(tokensAtOnce / (N * size)), Math.floor(wordsBytes / (scores * size)))),
  };
}
