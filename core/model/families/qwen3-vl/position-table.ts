/**
 * The learned positions of Qwen3-VL's patches: a square table, resampled bilinearly to each picture's grid, its corners
 * on the grid's corners.
 */
import { symbol, times } from "../../../graph/dims.ts";
import type { HostArray } from "../../../graph/executor.ts";
import type { Graph, Value } from "../../../graph/graph.ts";
import { gatherRows, mul, reshape, sum } from "../../../graph/ops/index.ts";
import type { PatchOrder } from "../../layers/patch-order.ts";
import type { EncodedPicture } from "../../processing/picture.ts";

/** Entries of the table that a patch is between. */
const taps = 4;

/** The inputs that `positionFeeds` fills; positions of all patches [T, hidden] from the table [side², hidden]. */
export function tracePositions(graph: Graph, table: Value, unit: number): Value {
  const F = symbol("F");
  const T = times(unit, F);
  const index = reshape(graph.input("positions.index", [F, unit * taps], "int32"), [times(taps, T)]);
  const weight = reshape(graph.input("positions.weight", [F, unit * taps]), [times(taps, T), 1]);
  const hidden = table.shape[1] as number;
  return sum(reshape(mul(gatherRows(table, index), weight), [T, taps, hidden]), [1]);
}

export function positionFeeds(
  pictures: readonly EncodedPicture[],
  { patchSource, rows: all }: PatchOrder,
  side: number,
  unit: number,
): Record<string, HostArray> {
  const index = new Int32Array(taps * all);
  const weight = new Float32Array(index.length);
  patchSource.forEach(({ picture, row, column }, patch) => {
    const [, rows, columns] = (pictures[picture] as EncodedPicture).grid;
    let tap = patch * taps;
    for (const [y, down] of between(row, rows, side)) {
      for (const [x, across] of between(column, columns, side)) {
        index[tap] = y * side + x;
        weight[tap++] = down * across;
      }
    }
  });
  const shape = [all / unit, unit * taps];
  return { "positions.index": { shape, data: index }, "positions.weight": { shape, data: weight } };
}

/** The two entries of an axis of `side` that place `at` of `size` lies between, and how near it is to each. */
function between(at: number, size: number, side: number): readonly (readonly [entry: number, weight: number])[] {
  const place = size === 1 ? 0 : Math.fround(Math.fround(at * (side - 1)) / (size - 1));
  const below = Math.min(Math.floor(place), side - 1);
  const part = Math.fround(place - below);
  return [
    [below, 1 - part],
    [Math.min(below + 1, side - 1), part],
  ];
}
