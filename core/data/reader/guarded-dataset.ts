/** A dataset whose files another process reads. */
import { basename, resolve } from "node:path";
import { permutation } from "../../math/random.ts";
import type { Row } from "../../contracts/step/row.ts";
import { UnusableRowError } from "../../contracts/step/unusable-row.ts";
import type { Dataset } from "../dataset.ts";
import { blockOf, placesOf, shuffleBlocks } from "../formats/blocks.ts";
import type { DataKind } from "../open-file.ts";
import { withDigits } from "../rows/row.ts";
import type { OpenAnswer, RowAnswer } from "./messages.ts";
import { ReaderEndedError, readerFor, type ReaderProcess } from "./reader-process.ts";
import type { DataOptions, LimitsOptions } from "./reading-options.ts";

export interface DataFile {
  readonly path: string;
  readonly kind: DataKind;
  readonly options: DataOptions;
}

/** Rows of a file that end the process, one after the other, before it is given up. */
const mostEnds = 8;

/** Rows that are asked for together at most, where they are wanted in a known order; and their bytes. */
const [mostAhead, bytesAhead] = [64, 4 * 2 ** 20];

let opened = 0;

/** @throws Error naming the file, the place in it and the cause, for what cannot be read or goes beyond the limits */
export async function openGuarded(file: DataFile, limits?: LimitsOptions): Promise<Dataset> {
  const data = new GuardedFile({ ...file, path: resolve(file.path) }, readerFor(limits));
  const { name, size, skipped, blocks, pictures } = await data.open();
  const rows = new RowsAhead(size, data, blocks === null ? [] : placesOf(blocks.rows).starts);
  return {
    name,
    size,
    skipped,
    get notes() {
      return data.notes;
    },
    pictures: () => (pictures === null ? picturesOfRows(size, rows) : Promise.resolve(pictures)),
    shuffle: (random) => rows.ordered(blocks === null ? permutation(random, size) : shuffleBlocks(blocks, random)),
    row: (index) => {
      if (!Number.isInteger(index) || index < 0 || index >= size)
        throw new Error(`Dataset "${name}" has ${size} rows, no row ${index}`);
      return rows.row(index);
    },
  };
}

/** Rows with pictures after which it is known whether a file holds them itself. */
const enough = 64;

/**
 * Paths of the pictures of a file that is read in blocks: all rows are gone through only where the first ones name
 * paths.
 */
async function picturesOfRows(size: number, rows: RowsAhead): Promise<readonly string[]> {
  const paths = new Set<string>();
  for (let index = 0, inside = 0; index < size && (inside < enough || paths.size > 0); index++) {
    const row = await rows.row(index).catch((error: unknown) => {
      if (error instanceof UnusableRowError) return null;
      throw error;
    });
    for (const image of row?.images ?? []) if (typeof image === "string") paths.add(image);
    if (row !== null && row.images.length > 0) inside++;
  }
  return [...paths];
}

const unused = new FinalizationRegistry<{ readonly reader: ReaderProcess; readonly key: number }>(({ reader, key }) =>
  reader.forget(key),
);

/** A file as the reader has it: opened again wherever the reader began anew. */
class GuardedFile {
  notes: readonly string[] = [];
  readonly #file: DataFile;
  readonly #reader: ReaderProcess;
  readonly #key = ++opened;
  /** Places that ended the reader, with the reason. */
  readonly #passOver: Record<string, string> = {};
  #generation = -2;

  constructor(file: DataFile, reader: ReaderProcess) {
    this.#file = file;
    this.#reader = reader;
    unused.register(this, { reader, key: this.#key });
  }

  async open(): Promise<OpenAnswer> {
    const { path, kind, options } = this.#file;
    for (let tell = false; ;) {
      try {
        const answer = await this.#reader.ask({
          ask: "open",
          dataset: this.#key,
          path,
          kind,
          options,
          passOver: this.#passOver,
          tell,
        });
        this.#generation = this.#reader.generation;
        this.notes = answer.notes;
        return answer;
      } catch (error) {
        if (!(error instanceof ReaderEndedError)) throw error;
        if (error.place === null && !tell) tell = true;
        else this.#ended(error);
      }
    }
  }

  /**
   * Of a file that is read row by row, the place is passed over next time.
   * @throws Error where the settings stop the run, or no row is at fault
   */
  #ended({ message, place }: ReaderEndedError): void {
    const { path, kind, options } = this.#file;
    const inBlocks = kind === "parquet" || kind === "arrow";
    if (inBlocks || place === null || !place.startsWith(`${basename(path)}, `))
      throw new Error(`The dataset ${path} cannot be read: ${message}`);
    if (options.onBadRow !== "skip") throw new Error(`${place}: ${message} (onBadRow: "skip" leaves such rows out)`);
    this.#passOver[place] = message;
    if (Object.keys(this.#passOver).length > mostEnds)
      throw new Error(
        `The dataset ${path} cannot be read: ${mostEnds} of its rows ended the process that reads it; the last, ${place}: ${message}`,
      );
  }

  /** Answers for the first of some rows, one at least. @throws ReaderEndedError */
  async rows(indices: readonly number[]): Promise<readonly RowAnswer[]> {
    if (this.#generation !== this.#reader.generation) await this.open();
    const { rows, notes } = await this.#reader.ask({ ask: "rows", dataset: this.#key, indices, bytes: bytesAhead });
    this.notes = notes;
    return rows;
  }
}

/** Rows one by one, asked for some at a time: those that come next, as far as the order is known. */
class RowsAhead {
  readonly #size: number;
  readonly #file: GuardedFile;
  /** First rows of blocks: a block that ends the reader is lost as a whole. */
  readonly #starts: readonly number[];
  readonly #here = new Map<number, Promise<RowAnswer>>();
  readonly #lost = new Map<number, string>();
  /** Of the pass that was dealt last, and each row's place in it. */
  #order: Int32Array | null = null;
  #places: Int32Array | null = null;
  #expected = -1;
  #ahead = 1;

  constructor(size: number, file: GuardedFile, starts: readonly number[]) {
    [this.#size, this.#file, this.#starts] = [size, file, starts];
  }

  ordered(order: Int32Array): Int32Array {
    this.#order = order;
    this.#places = null;
    return order;
  }

  async row(index: number): Promise<Row> {
    const known = this.#here.get(index);
    if (known === undefined && index !== this.#expected) this.#here.clear();
    this.#here.delete(index);
    // As far as the guess was right, the next one goes further.
    this.#ahead =
      index === this.#expected ? Math.min(mostAhead, 2 * this.#ahead) : known === undefined ? 1 : this.#ahead;
    const answer = await (known ?? this.#ask(index));
    if ("row" in answer) return withDigits(answer.row, answer.digits);
    if ("unusable" in answer) throw new UnusableRowError("bad", answer.unusable);
    throw new Error(answer.failed);
  }

  async #ask(index: number): Promise<RowAnswer> {
    const indices = this.#next(index);
    for (;;) {
      const lost = this.#lost.get(this.#unit(index));
      if (lost !== undefined) return { unusable: lost };
      try {
        const answers = await this.#file.rows(indices);
        answers.forEach((answer, place) => {
          if (place > 0) this.#here.set(indices[place]!, Promise.resolve(answer));
        });
        this.#expected = this.#after(indices[answers.length - 1]!);
        return answers[0]!;
      } catch (error) {
        if (!(error instanceof ReaderEndedError)) throw error;
        const { message, place } = error;
        // Of several rows, one that ended it without a word is not known: the one that is wanted is asked for alone.
        const culprit = error.index >= 0 ? error.index : indices.length === 1 ? index : null;
        if (culprit !== null)
          this.#lost.set(this.#unit(culprit), `${place ?? `row ${culprit}`} cannot be used: ${message}`);
        indices.splice(1);
      }
    }
  }

  /** What is lost together with a row. */
  #unit(index: number): number {
    return this.#starts.length === 0 ? index : blockOf(this.#starts, index);
  }

  #next(index: number): number[] {
    const indices = [index];
    for (
      let next = this.#after(index);
      indices.length < this.#ahead && next >= 0 && !this.#here.has(next) && !this.#lost.has(this.#unit(next));
      next = this.#after(next)
    )
      indices.push(next);
    return indices;
  }

  /** The row after one, −1 after the last. */
  #after(index: number): number {
    if (this.#order === null) return index + 1 < this.#size ? index + 1 : -1;
    this.#places ??= inverse(this.#order);
    return this.#order[this.#places[index]! + 1] ?? -1;
  }
}

function inverse(order: Int32Array): Int32Array {
  const places = new Int32Array(order.length);
  order.forEach((row, place) => (places[row] = place));
  return places;
}
