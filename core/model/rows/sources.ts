/** The table of embeddings that a pass reads: its text, its visual features, and which of them each token is. */
import type { HostArray } from "../../graph/executor.ts";
import { bucket } from "../../math/bucket.ts";
import { type PlacedPrompt, readTokens } from "./groups.ts";

/**
 * Collects distinct text ids and the sources of rows that read them or a visual feature: equal tokens have equal
 * sources.
 */
export class Sources {
  readonly #indexOf = new Map<number, number>([[0, 0]]);
  readonly #pictureToken: number;
  readonly #padded: boolean;
  readonly #least: number;

  /** @param padded the table's text has one of few sizes, at least `least`; what is left over nobody reads */
  constructor(pictureToken: number, padded: boolean, least = 0) {
    this.#pictureToken = pictureToken;
    this.#padded = padded;
    this.#least = least;
  }

  get text(): Int32Array {
    const ids = new Int32Array(this.#size);
    ids.set([...this.#indexOf.keys()]);
    return ids;
  }

  get #size(): number {
    return this.#padded ? Math.max(this.#least, bucket(this.#indexOf.size)) : this.#indexOf.size;
  }

  /**
   * Write the sources of a prompt's tokens; visual tokens are written as −1 − feature row until the text is counted.
   */
  prompt({ prompt, featureRows }: PlacedPrompt, into: Int32Array, start: number): void {
    readTokens(prompt, this.#pictureToken).forEach(({ token, visual }, i) => {
      into[start + i] = visual === null ? this.#add(prompt.ids[token] as number) : -1 - (featureRows[visual] as number);
    });
  }

  /** @param featureRows those of the visual tokens in the response */
  response(tokens: Int32Array, into: Int32Array, start: number, featureRows: Int32Array): void {
    let seen = 0;
    tokens.forEach((id, i) => {
      const isVisual = id === this.#pictureToken && seen < featureRows.length;
      into[start + i] = isVisual ? -1 - (featureRows[seen++] as number) : this.#add(id);
    });
  }

  /** Visual rows come after the text in the table. */
  resolve(sources: Int32Array): Int32Array {
    const size = this.#size;
    return sources.map((source) => (source < 0 ? size - 1 - source : source));
  }

  /** Feeds of the table. @param least rows that padded features have at least */
  feeds(features: HostArray, least = 0): Record<string, HostArray> {
    const { text } = this;
    const [rows, width] = features.shape as [number, number];
    // Batches without pictures still feed a features matrix.
    const all = Math.max(1, least, this.#padded ? bucket(rows, 4) : rows);
    return { text: { shape: [text.length], data: text }, features: withRows(features, all, width) };
  }

  #add(id: number): number {
    const index = this.#indexOf.get(id) ?? this.#indexOf.size;
    this.#indexOf.set(id, index);
    return index;
  }
}

/** A matrix with rows of zeros after its own. */
function withRows(matrix: HostArray, rows: number, width: number): HostArray {
  if (rows === matrix.shape[0]) return matrix;
  const data = new Float32Array(rows * width);
  data.set(matrix.data);
  return { shape: [rows, width], data };
}
