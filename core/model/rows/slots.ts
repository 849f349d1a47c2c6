/**
 * Rows of their own and the padded slots of attention that they stand in: the traced inputs, and the ways there and
 * back. Which row stands where: shared.ts.
 */
import { at, type Dim, symbol } from "../../graph/dims.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { gatherRows, mul, scatterAddRows, withGradient } from "../../graph/ops/index.ts";
import type { RowSlots } from "../model.ts";

/** The inputs that say which row stands in which slot; `ofSlots` [S], the row of each slot. */
export function rowSlots(graph: Graph, ofSlots: Value, T: Dim): RowSlots {
  const S = at(ofSlots.shape, 0);
  const C = symbol("C");
  return {
    ofSlots,
    ofRows: graph.input("slot.of.row", [T], "int32"),
    filled: graph.input("slot.filled", [S, 1]),
    copySlots: graph.input("copy.slots", [C], "int32"),
    copyRows: graph.input("copy.rows", [C], "int32"),
  };
}

/** Rows [T, D] into their slots [S, D]; the gradient of a row is the sum over its slots. */
export function intoSlots(rows: Value, { ofSlots, ofRows, copySlots, copyRows }: RowSlots): Value {
  return withGradient(gatherRows(rows, ofSlots), [rows], (dy) => [
    scatterAddRows(gatherRows(dy, ofRows), copyRows, gatherRows(dy, copySlots)),
  ]);
}

/** Rows [T, D] out of the slots [S, D] that they stand in first; all other slots have no gradient. */
export function outOfSlots(slots: Value, { ofSlots, ofRows, filled }: RowSlots): Value {
  return withGradient(gatherRows(slots, ofRows), [slots], (dy) => [mul(gatherRows(dy, ofSlots), filled)]);
}
