/**
 * Words that an environment puts into responses, after what is cached of them: the traced inputs, and the feeds that
 * fill them.
 */
import { type Dim, symbol, times } from "../../graph/dims.ts";
import type { HostArray } from "../../graph/executor.ts";
import type { Graph } from "../../graph/graph.ts";
import { reshape } from "../../graph/ops/index.ts";
import type { Decoder, Parameters, WordsInput } from "../model.ts";
import { embeddingRows } from "./inputs.ts";
import { causal } from "./masks.ts";
import { Sources } from "./sources.ts";

/** Tokens that go after the cached ones of a response. */
export interface Words {
  readonly tokens: Int32Array;
  /** Rows of the visual features that their visual tokens read, in order. */
  readonly featureRows: Int32Array;
  /** Rotary positions, [3, tokens]. */
  readonly components: Int32Array;
}

/** The graph's inputs for up to W words for each of B prompts' N responses. */
export function wordInputs(
  graph: Graph,
  decoder: Decoder,
  parameters: Parameters,
  { B, N }: { readonly B: Dim; readonly N: Dim },
): Pick<WordsInput, "embeddings" | "deep" | "cos" | "sin" | "causal" | "W"> {
  const W = symbol("W");
  const rows = times(B, N, W);
  const half = decoder.headSize / 2;
  return {
    ...embeddingRows(graph, decoder, parameters, reshape(graph.input("words.source", [B, N, W], "int32"), [rows])),
    cos: graph.input("cos", [rows, half]),
    sin: graph.input("sin", [rows, half]),
    causal: graph.input("words.causal", [W, W]),
    W,
  };
}

/** Words of B·N responses, null for one that has none, laid out once and fed piece by piece. */
export class WordRows {
  /** Tokens of the longest. */
  readonly longest: number;
  readonly #decoder: Decoder;
  readonly #words: readonly (Words | null)[];
  readonly #table: Record<string, HostArray>;
  readonly #sources: Int32Array;

  /** @param padded the tables of text and features have one of few sizes */
  constructor(decoder: Decoder, words: readonly (Words | null)[], features: HostArray, padded = false) {
    this.#decoder = decoder;
    this.#words = words;
    this.longest = Math.max(...words.map((own) => own?.tokens.length ?? 0));
    const sources = new Sources(decoder.pictureToken, padded);
    const rows = new Int32Array(words.length * this.longest);
    words.forEach((own, row) => own && sources.response(own.tokens, rows, row * this.longest, own.featureRows));
    this.#sources = sources.resolve(rows);
    this.#table = sources.feeds(features);
  }

  /** Words of a response, b·N + n. */
  lengthOf(row: number): number {
    return this.#words[row]?.tokens.length ?? 0;
  }

  /**
   * Feeds of `wordInputs`: words `from` … end − 1 of prompts `first` … last − 1, which have N responses each; `end` may
   * be beyond the longest.
   */
  feeds(
    [first, last]: readonly [number, number],
    N: number,
    [from, end]: readonly [number, number],
  ): Record<string, HostArray> {
    const [rows, size] = [(last - first) * N, end - from];
    const source = new Int32Array(rows * size);
    const components = new Int32Array(3 * rows * size);
    for (let i = 0; i < rows; i++) {
      const row = first * N + i;
      const length = this.lengthOf(row);
      const stop = row * this.longest + Math.min(end, this.longest);
      source.set(this.#sources.subarray(row * this.longest + from, stop), i * size);
      for (let component = 0; component < 3; component++) {
        const own = this.#words[row]?.components.subarray(
          component * length + from,
          component * length + Math.max(from, Math.min(end, length)),
        );
        if (own !== undefined) components.set(own, component * rows * size + i * size);
      }
    }
    const { cos, sin } = this.#decoder.rotary(components);
    const shape = [rows * size, this.#decoder.headSize / 2];
    return {
      ...this.#table,
      "words.source": { shape: [last - first, N, size], data: source },
      "words.causal": causal(size),
      cos: { shape, data: cos },
      sin: { shape, data: sin },
    };
  }
}
