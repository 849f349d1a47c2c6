/**
 * What stands in a section of the page besides curves, rollouts and questions: data, drawn by browser/blocks.js. All
 * texts are text, never HTML.
 */

/** A number as it is shown, with a smaller one beside it; null: nothing was measured. */
export type Cell = { readonly text: string; readonly small?: string } | null;

export interface Row {
  readonly head: string;
  /** Stands out: what differs. */
  readonly marked?: boolean;
  readonly cells: readonly Cell[];
}

/** Rows under one heading. */
export interface RowGroup {
  readonly head: string;
  readonly small?: string;
  readonly rows: readonly Row[];
}

export interface Table {
  readonly kind: "table";
  /** For who cannot see it. */
  readonly caption: string;
  /** Heads of the first column, or of the first two where groups have heads. */
  readonly corner: readonly string[];
  /** Neighbours of equal group stand under its name. */
  readonly columns: readonly { readonly text: string; readonly group?: string }[];
  readonly groups: readonly RowGroup[];
  /** Columns of text rather than of numbers. */
  readonly words?: boolean;
}

/** Shares of a whole, one bar each. */
export interface Bars {
  readonly kind: "bars";
  /** In the order in which they are stacked; `look` is a class of the style sheet. */
  readonly classes: readonly { readonly name: string; readonly look: string }[];
  /** A share of 0–1 for each class. */
  readonly bars: readonly { readonly label: string; readonly shares: readonly number[] }[];
}

export type Block =
  | Table
  | Bars
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  /** Shown when the reader opens it. */
  | { readonly kind: "fold"; readonly summary: string; readonly blocks: readonly Block[] };

export const note = (text: string): Block => ({ kind: "note", text });
