/** What goes between the process that reads users' files and the one that uses their rows. */
import type { Digits } from "../values/number-text.ts";
import type { Row } from "../../contracts/step/row.ts";
import type { SkippedRow } from "../dataset.ts";
import type { BlockOrder } from "../formats/blocks.ts";
import type { DataKind } from "../open-file.ts";
import type { DataOptions } from "./reading-options.ts";

export interface OpenQuestion {
  readonly ask: "open";
  /** Names the dataset from now on. */
  readonly dataset: number;
  readonly path: string;
  readonly kind: DataKind;
  readonly options: DataOptions;
  /** Places that ended the process before, by name, with the reason: they are left out. */
  readonly passOver: Readonly<Record<string, string>>;
  /**
   * Write the name of every place to the standard error before it is read, for an end that would leave no last words.
   */
  readonly tell: boolean;
}

export interface OpenAnswer {
  readonly name: string;
  readonly size: number;
  readonly skipped: readonly SkippedRow[];
  readonly notes: readonly string[];
  /** Paths of pictures, where opening meets every row. */
  readonly pictures: readonly string[] | null;
  /** Of files that are read in blocks. */
  readonly blocks: BlockOrder | null;
}

export interface RowsQuestion {
  readonly ask: "rows";
  readonly dataset: number;
  readonly indices: readonly number[];
  /** The answer ends with the row that reaches this many bytes. */
  readonly bytes: number;
}

/**
 * A row with the numbers of its fields that a double does not hold, by the names that lead to them; or why there is
 * none.
 */
export type RowAnswer =
  | { readonly row: Row; readonly digits: readonly Digits[] }
  | { readonly unusable: string }
  | { readonly failed: string };

export interface RowsAnswer {
  /** For as many of the indices, in order, as there was room for; one at least. */
  readonly rows: readonly RowAnswer[];
  readonly notes: readonly string[];
}

export type Question = OpenQuestion | RowsQuestion;

/** Not answered: nobody has the dataset any more. */
export interface CloseMessage {
  readonly ask: "close";
  readonly dataset: number;
}

export type Answer = { readonly answer: OpenAnswer | RowsAnswer } | { readonly error: string };

/** What a reader that was ended says last. */
export interface LastWords {
  readonly reason: "late" | "memory";
  readonly place: string;
  readonly index: number;
}
