/** Ops on rows of a matrix chosen by index. */
import { at, sameShape, type Shape } from "../dims.ts";
import { type Op, type Value, first } from "../graph.ts";
import { zeros } from "./shape.ts";

/** table [M, D], index [K] → rows [K, D]; an index may repeat. */
export const gatherRows = (table: Value, index: Value): Value => table.graph.apply(gatherOp, [table, index], {});

/** base [M, D] with rows [K, D] added at index [K]; repeated indices add up, in order. */
export const scatterAddRows = (base: Value, index: Value, rows: Value): Value =>
  base.graph.apply(scatterOp, [base, index, rows], {});

/** How ragged runs of rows (windows, pictures) are laid out as a padded block. */
export interface RowPacking {
  /** For each of the S slots of the block, the row it holds (any row for padding), [S] int32. */
  readonly rowOfSlot: Value;
  /** For each of the T rows, its slot, [T] int32. */
  readonly slotOfRow: Value;
  /** 1 for slots that hold a row, 0 for padding, [S, 1]. */
  readonly filled: Value;
}

/** x [T, D] → block [S, D], zeros in the padding. Its gradient is `unpack`. */
export const pack = (x: Value, { rowOfSlot, slotOfRow, filled }: RowPacking): Value =>
  x.graph.apply(packOp, [x, rowOfSlot, slotOfRow, filled], {});

/** block [S, D] → x [T, D], padding dropped. Its gradient is `pack`. */
export const unpack = (block: Value, { rowOfSlot, slotOfRow, filled }: RowPacking): Value =>
  block.graph.apply(unpackOp, [block, rowOfSlot, slotOfRow, filled], {});

const rowsOf = (
  table: Value | undefined,
  index: Value | undefined,
): { readonly shape: Shape; readonly dtype: "float32" } => {
  if (table?.shape.length !== 2 || index?.shape.length !== 1 || index.dtype !== "int32")
    throw new Error("needs a matrix and int32 indices [K]");
  return { shape: [at(index.shape, 0), at(table.shape, 1)], dtype: "float32" };
};

const gatherOp: Op = {
  name: "gatherRows",
  outputs: ([table, index]) => [rowsOf(table, index)],
  gradient: (node, [dy]) => {
    const [table, index] = node.inputs;
    return table && index && dy ? [scatterAddRows(zeros(table.graph, table.shape), index, dy), undefined] : [];
  },
  onnx: (emitter, _, inputs, outputs) => void emitter.op("Gather", inputs, { outputs, attributes: { axis: 0 } }),
};

export const scatterOp: Op = {
  name: "scatterAddRows",
  outputs: ([base, index, rows]) => {
    if (!rows || !sameShape(rowsOf(base, index).shape, rows.shape)) throw new Error("rows do not fit base and index");
    return [{ shape: base?.shape ?? [], dtype: "float32" }];
  },
  gradient: (node, [dy]) => {
    const index = node.inputs[1];
    return index && dy ? [dy, undefined, gatherRows(dy, index)] : [];
  },
  // ScatterElements, not ScatterND: onnxruntime's ScatterND with add races on repeated indices when it has more than
  // one thread.
  onnx: (emitter, node, [base = "", index = "", rows = ""], outputs) => {
    const column = first(emitter.op("Unsqueeze", [index, emitter.ints([-1])]));
    const wide = first(emitter.op("Expand", [column, emitter.shape(node.inputs[2]?.shape ?? [])]));
    emitter.op("ScatterElements", [base, wide, rows], { outputs, attributes: { axis: 0, reduction: "add" } });
  },
  // An index for each entry, which the kernel copies as 64-bit numbers.
  scratch: ({ inputs }, bytes) => 3 * bytes(inputs[2]!),
};

const packOp: Op = {
  name: "pack",
  outputs: ([x, rowOfSlot]) => [rowsOf(x, rowOfSlot)],
  gradient: ({ inputs: [, rowOfSlot, slotOfRow, filled] }, [dy]) =>
    dy && rowOfSlot && slotOfRow && filled ? [unpack(dy, { rowOfSlot, slotOfRow, filled })] : [],
  onnx: (emitter, _, [x = "", rowOfSlot = "", , filled = ""], outputs) => {
    const rows = first(emitter.op("Gather", [x, rowOfSlot], { attributes: { axis: 0 } }));
    emitter.op("Mul", [rows, filled], { outputs });
  },
};

const unpackOp: Op = {
  name: "unpack",
  outputs: ([block, , slotOfRow]) => [rowsOf(block, slotOfRow)],
  gradient: ({ inputs: [, rowOfSlot, slotOfRow, filled] }, [dy]) =>
    dy && rowOfSlot && slotOfRow && filled ? [pack(dy, { rowOfSlot, slotOfRow, filled })] : [],
  onnx: (emitter, _, [block = "", , slotOfRow = ""], outputs) =>
    void emitter.op("Gather", [block, slotOfRow], { outputs, attributes: { axis: 0 } }),
};
