/** Sizes of a pass: as they are, at least those of others, and among few for programs that are compiled for each. */
import { bucket } from "../../math/bucket.ts";
import { promptLength } from "../model.ts";
import type { SegmentGroup } from "./groups.ts";

/** Numbers a padded layout needs: B prompts of P tokens, each with N responses of R tokens. */
export interface Extent {
  readonly B: number;
  readonly P: number;
  readonly N: number;
  readonly R: number;
}

/**
 * Sizes of a pass: those of its extent; K text tokens and F visual features in the table of embeddings; T rows where
 * slots are none, C copies of rows where rows are shared; tiles of attention and their keys where it is computed in
 * them; M predictions. 0 where there are none.
 */
export interface PassSizes extends Extent {
  readonly K: number;
  readonly F: number;
  readonly T: number;
  readonly C: number;
  readonly M: number;
  readonly tiles: number;
  readonly keys: number;
}

/** Numbers with others after them. */
export function padded(numbers: ArrayLike<number>, length: number, value: number): Int32Array {
  const all = new Int32Array(length).fill(value);
  all.set(numbers);
  return all;
}

export const noSizes: PassSizes = { B: 0, P: 0, N: 0, R: 0, K: 0, F: 0, T: 0, C: 0, M: 0, tiles: 0, keys: 0 };

/** Sizes of a pass that are at least each one's. */
export function largestSizes(all: readonly PassSizes[]): PassSizes {
  const most = (size: keyof PassSizes): number => Math.max(...all.map((sizes) => sizes[size]));
  const extent = { B: most("B"), P: most("P"), N: most("N"), R: most("R") };
  const rows = { K: most("K"), F: most("F"), T: most("T"), C: most("C"), M: most("M") };
  return { ...extent, ...rows, tiles: most("tiles"), keys: most("keys") };
}

/** The longest of each. */
export const extentOf = (groups: readonly SegmentGroup[]): Extent => ({
  B: groups.length,
  P: Math.max(1, ...groups.map(({ prompt }) => promptLength(prompt))),
  N: Math.max(1, ...groups.map(({ responses }) => responses.length)),
  R: Math.max(1, ...groups.flatMap(({ responses }) => responses.map((tokens) => tokens.length))),
});

/** The same sizes among few: prompts and responses a prompt, of which there are few, and tokens. */
export const paddedExtent = ({ B, P, N, R }: Extent): Extent => ({
  B: bucket(B),
  P: bucket(P, 4),
  N: bucket(N),
  R: bucket(R, 4),
});

export const atLeast = ({ B, P, N, R }: Extent, least: Extent): Extent => ({
  B: Math.max(B, least.B),
  P: Math.max(P, least.P),
  N: Math.max(N, least.N),
  R: Math.max(R, least.R),
});
