/**
 * Lowering of attention in blocks (ops/block-attention.ts): a loop over the blocks, whose results are collected in
 * sequences.
 */
import { leastAbove, leastSeen } from "../ops/changed-values.ts";
import type { LoopType, OnnxAttribute, OnnxWriter } from "./writer.ts";

interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Default: headSize. */
  readonly valueSize?: number;
}

/** Names of a block's numbers, int64 [1] each; see `blockFields` of the op. */
interface Block {
  readonly q0: string;
  readonly q1: string;
  readonly seen0: string;
  readonly seen1: string;
  readonly own0: string;
  readonly itself: string;
  readonly keys: string;
  readonly later: string;
  readonly complete: string;
}

/** Added to a score to forbid it: exp of it is 0. */
const forbidden = -1e9;

/** Shorthand for nodes with one output. */
class Nodes {
  readonly emitter: OnnxWriter;

  constructor(emitter: OnnxWriter) {
    this.emitter = emitter;
  }

  op(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = "",
  ): string {
    return this.emitter.op(type, inputs, { attributes, domain })[0] as string;
  }

  ints(...values: readonly number[]): string {
    return this.emitter.ints(values);
  }

  /** scale · A·B over the last two axes; leading axes are broadcast. */
  product(a: string, b: string, { transA = 0, transB = 0, scale = 1 } = {}): string {
    return transA + transB === 0 && scale === 1
      ? this.op("MatMul", [a, b])
      : this.op("FusedMatMul", [a, b], { transA, transB, alpha: { float: scale } }, "com.microsoft");
  }

  slice(x: string, start: string, end: string, axis = 0): string {
    return this.op("Slice", [x, start, end, this.ints(axis)]);
  }

  reshape(x: string, ...shape: readonly number[]): string {
    return this.op("Reshape", [x, this.ints(...shape)]);
  }

  transpose(x: string, ...perm: readonly number[]): string {
    return this.op("Transpose", [x], { perm });
  }

  concat(values: readonly string[], axis: number): string {
    return this.op("Concat", values, { axis });
  }
}

/** One block: its queries, keys and values by head, and softmax of their scores. */
class BlockNodes extends Nodes {
  readonly #heads: Heads;
  readonly block: Block;

  constructor(emitter: OnnxWriter, heads: Heads, blocks: string, index: string) {
    super(emitter);
    this.#heads = heads;
    const [q0, q1, seen0, seen1, own0, itself, keys, later, complete] = emitter.op(
      "Split",
      [this.op("Gather", [blocks, index], { axis: 0 })],
      { outputs: Array.from({ length: 9 }, () => emitter.fresh("field")), attributes: { axis: 0, num_outputs: 9 } },
    ) as [string, string, string, string, string, string, string, string, string];
    this.block = { q0, q1, seen0, seen1, own0, itself, keys, later, complete };
  }

  /** The block's rows of an array that has one a query, [kvHeads, group, n, size]. */
  queries(x: string, size = this.#heads.headSize): string {
    const { heads, kvHeads } = this.#heads;
    const rows = this.reshape(this.slice(x, this.block.q0, this.block.q1), -1, kvHeads, heads / kvHeads, size);
    return this.transpose(rows, 1, 2, 0, 3);
  }

  /** What `queries` makes, as rows [n, heads · size] again. */
  rows(x: string, size = this.#heads.headSize): string {
    return this.reshape(this.transpose(x, 2, 0, 1, 3), -1, this.#heads.heads * size);
  }

  /** The block's keys of an array that has a row for each, [kvHeads, keys, size]. */
  keys(x: string, size = this.#heads.headSize): string {
    const { q1, seen0, seen1, own0 } = this.block;
    const rows = this.concat([this.slice(x, seen0, seen1), this.slice(x, own0, q1)], 0);
    return this.transpose(this.reshape(rows, -1, this.#heads.kvHeads, size), 1, 0, 2);
  }

  /**
   * softmax(scale · q·kᵀ), [kvHeads, group, n, keys]; of the last keys, which are the block itself, each query reads
   * those up to its own.
   */
  probabilities(queries: string, keys: string): string {
    const scores = this.product(queries, this.byGroup(keys), { transB: 1, scale: this.scale });
    const { q0, q1, itself } = this.block;
    const [zero, one] = [this.scalar(this.ints(0)), this.scalar(this.ints(1))];
    const row = this.op("Unsqueeze", [
      this.op("Range", [zero, this.scalar(this.op("Sub", [q1, q0])), one]),
      this.ints(1),
    ]); // [n, 1]
    const column = this.op("Range", [zero, this.scalar(itself), one]); // [itself]
    const later = this.op("Cast", [this.op("Greater", [column, row])], { to: 1 });
    const mask = this.op("Mul", [later, this.emitter.float(forbidden)]); // [n, itself]
    const before = this.op("Sub", [this.op("Shape", [keys], { start: 1, end: 2 }), itself]);
    const padded = this.op("Pad", [mask, this.concat([this.ints(0), before, this.ints(0, 0)], 0)]); // [n, keys]
    return this.op("Softmax", [this.op("Add", [scores, padded])], { axis: -1 });
  }

  /**
   * p·v with what `change` [rows, 3] replaces, as ops/changed-values.ts has it: p [kvHeads, group, n, keys], values
   * [kvHeads, 1, keys, size].
   */
  changedProduct(p: string, values: string, change: string): string {
    const { q0, q1, seen0, seen1, own0 } = this.block;
    const number = (value: number): string => this.emitter.float(value);
    const over = (x: string, ...axes: readonly number[]): string =>
      this.op("ReduceSum", [x, this.ints(...axes)], { keepdims: 1 });
    const where = (x: string): string => this.op("Cast", [x], { to: 1 });
    const field = (rows: string, place: number): string => this.slice(rows, this.ints(place), this.ints(place + 1), 1);
    const visual = this.transpose(
      field(this.concat([this.slice(change, seen0, seen1), this.slice(change, own0, q1)], 0), 0),
      1,
      0,
    ); // [1, keys]
    const queries = this.slice(change, q0, q1);
    const seen = this.op("Mul", [where(this.op("Greater", [p, number(leastSeen)])), visual]);
    const most = (x: string): string => this.op("Max", [x, number(1)]);
    const count = most(over(seen, 0, 1, 3)); // [1, 1, n, 1]
    const mean = this.op("Div", [over(this.op("Mul", [p, seen]), 0, 1, 3), count]);
    const off = this.op("Mul", [this.op("Sub", [p, mean]), seen]);
    const variance = this.op("Div", [
      over(this.op("Mul", [off, off]), 0, 1, 3),
      most(this.op("Sub", [count, number(1)])),
    ]);
    const limit = this.op("Mul", [this.op("Sqrt", [variance]), field(queries, 2)]);
    const isChosen = where(this.op("Greater", [this.op("Sub", [off, limit]), number(leastAbove)]));
    const replaced = this.op("Mul", [p, this.op("Mul", [this.op("Mul", [isChosen, seen]), field(queries, 1)])]);
    const means = this.op("ReduceMean", [values, this.ints(-1)], { keepdims: 1 }); // [kvHeads, 1, keys, 1]
    const instead = this.op("Div", [this.product(seen, means), most(over(seen, 3))]);
    return this.op("Add", [
      this.product(this.op("Sub", [p, replaced]), values),
      this.op("Mul", [over(replaced, 3), instead]),
    ]);
  }

  /**
   * scale · Σ over a group's queries of weight · row: weights [kvHeads, group, n, keys], rows [kvHeads, group, n, size]
   * → [kvHeads, keys, size].
   */
  overQueries(weights: string, rows: string, { scale = 1, size = this.#heads.headSize } = {}): string {
    const { kvHeads } = this.#heads;
    const keys = this.op("Shape", [weights], { start: 3, end: 4 });
    const flat = this.op("Reshape", [weights, this.concat([this.ints(kvHeads, -1), keys], 0)]);
    return this.product(flat, this.reshape(rows, kvHeads, -1, size), { transA: 1, scale });
  }

  /**
   * The cotangents of a segment's keys so far plus those of this block, which reads the first of them, [kvHeads, keys
   * of the segment, size]; and where the segment is complete the same as rows [keys, kvHeads · size], else none of
   * them.
   */
  addToKeys(sum: string, more: string, size = this.#heads.headSize): [sum: string, complete: string] {
    const { keys, later, complete } = this.block;
    const zero = this.ints(0);
    const padded = (x: string, length: string): string =>
      this.op("Pad", [x, this.concat([this.ints(0, 0, 0, 0), this.op("Sub", [keys, length]), zero], 0)]);
    const before = padded(this.slice(sum, zero, later, 1), later);
    const total = this.op("Add", [before, padded(more, this.op("Shape", [more], { start: 1, end: 2 }))]);
    const rows = this.transpose(this.slice(total, zero, complete, 1), 1, 0, 2);
    return [total, this.reshape(rows, -1, this.#heads.kvHeads * size)];
  }

  get scale(): number {
    return 1 / Math.sqrt(this.#heads.headSize);
  }

  /** [kvHeads, …] → [kvHeads, 1, …]: one for all queries of a group. */
  byGroup(x: string): string {
    return this.op("Unsqueeze", [x, this.ints(1)]);
  }

  /** int64 [1] → []. */
  scalar(x: string): string {
    return this.op("Squeeze", [x, this.ints(0)]);
  }
}

/** TensorProto.DataType.INT64. */
const int64 = 7;

const emptySequence = (emitter: OnnxWriter): string => emitter.op("SequenceEmpty", [])[0] as string;

interface Carried {
  readonly initial: string;
  readonly type: LoopType;
}

/**
 * Run `body` `count` times; it gets the number of the iteration and what is carried, and gives what is carried on.
 * Returns what is carried at the end.
 */
function loop(
  emitter: OnnxWriter,
  count: string,
  carried: readonly Carried[],
  body: (iteration: string, carried: readonly string[]) => readonly string[],
): readonly string[] {
  const types = carried.map(({ type }) => type);
  return emitter.op("Loop", [count, "", ...carried.map(({ initial }) => initial)], {
    outputs: carried.map(() => emitter.fresh("looped")),
    attributes: { body: { graph: emitter.loopBody(types, body) } },
  });
}

/**
 * @param inputs queries, keys, values, blocks, rows of keys
 * @param change what some queries read other values by (ops/changed-values.ts), [rows, 3]
 */
export function attendInLoop(
  emitter: OnnxWriter,
  heads: Heads,
  [q, k, v, blocks]: readonly string[],
  output: string,
  change?: string,
): void {
  const nodes = new Nodes(emitter);
  const numbers = nodes.op("Cast", [blocks!], { to: int64 });
  const [collected] = loop(
    emitter,
    nodes.op("Shape", [blocks!], { start: 0, end: 1 }),
    [{ initial: emptySequence(emitter), type: "sequence" }],
    (iteration, [rows]) => {
      const body = new BlockNodes(emitter, heads, numbers, iteration);
      const keys = body.keys(k!);
      const [p, values] = [body.probabilities(body.queries(q!), keys), body.byGroup(body.keys(v!, heads.valueSize))];
      const out = change === undefined ? body.product(p, values) : body.changedProduct(p, values, change);
      return [body.op("SequenceInsert", [rows!, body.rows(out, heads.valueSize)])];
    },
  );
  emitter.op("ConcatFromSequence", [collected!], { outputs: [output], attributes: { axis: 0 } });
}

/**
 * Blocks are taken from the last to the first, so that the cotangents of a segment's keys and values, to which each of
 * its blocks adds, are complete with its first block. What is collected is put in front.
 * @param inputs queries, keys, values, blocks, rows of keys, output, cotangent of the output
 */
export function attendInLoopBack(
  emitter: OnnxWriter,
  heads: Heads,
  [q, k, v, blocks, , out, dOut]: readonly string[],
  outputs: readonly string[],
): void {
  const nodes = new Nodes(emitter);
  const numbers = nodes.op("Cast", [blocks!], { to: int64 });
  const count = nodes.op("Shape", [blocks!], { start: 0, end: 1 });
  const last = nodes.op("Squeeze", [nodes.op("Sub", [count, nodes.ints(1)]), nodes.ints(0)]);
  const { headSize, valueSize = headSize } = heads;
  const nothing = (size: number): string => nodes.op("ConstantOfShape", [nodes.ints(heads.kvHeads, 0, size)]);
  const ofKeys = nothing(headSize);
  const sums: Carried[] = [ofKeys, valueSize === headSize ? ofKeys : nothing(valueSize)].map((initial) => ({
    initial,
    type: "tensor",
  }));
  const sequences: Carried[] = [0, 1, 2].map(() => ({ initial: emptySequence(emitter), type: "sequence" }));
  const collected = loop(emitter, count, [...sums, ...sequences], (iteration, [dKeys, dValues, dq, dk, dv]) => {
    const body = new BlockNodes(emitter, heads, numbers, nodes.op("Sub", [last, iteration]));
    const [queries, keys, values, cotangent] = [
      body.queries(q!),
      body.keys(k!),
      body.keys(v!, valueSize),
      body.queries(dOut!, valueSize),
    ];
    const p = body.probabilities(queries, keys);
    const dp = body.product(cotangent, body.byGroup(values), { transB: 1 });
    // The sum over keys of p · dp, from what is smaller: rows of the output.
    const delta = body.op("ReduceSum", [body.op("Mul", [body.queries(out!, valueSize), cotangent]), body.ints(-1)], {
      keepdims: 1,
    });
    const ds = body.op("Mul", [p, body.op("Sub", [dp, delta])]);
    const dQueries = body.product(ds, body.byGroup(keys), { scale: body.scale });
    const [sumOfKeys, doneKeys] = body.addToKeys(dKeys!, body.overQueries(ds, queries, { scale: body.scale }));
    const [sumOfValues, doneValues] = body.addToKeys(
      dValues!,
      body.overQueries(p, cotangent, { size: valueSize }),
      valueSize,
    );
    const inFront = (sequence: string, x: string): string =>
      body.op("SequenceInsert", [sequence, x, body.scalar(body.ints(0))]);
    return [
      sumOfKeys,
      sumOfValues,
      inFront(dq!, body.rows(dQueries)),
      inFront(dk!, doneKeys),
      inFront(dv!, doneValues),
    ];
  });
  collected
    .slice(2)
    .forEach((sequence, i) =>
      emitter.op("ConcatFromSequence", [sequence], { outputs: [outputs[i] as string], attributes: { axis: 0 } }),
    );
}
