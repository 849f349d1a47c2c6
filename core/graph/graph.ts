/**
 * The tracer: a model is a plain function over `Value`s; calling it records a graph.
 *
 * Nodes are hash-consed: the same op on the same inputs is the same node, so common subexpressions cost nothing,
 * also between a forward pass and the gradient traced from it.
 */
import type { OnnxWriter } from "./onnx/writer.ts";
import { type Shape, shapeText } from "./dims.ts";
import { allPasses, type Passes } from "./passes.ts";

export type DType = "float32" | "int32";
export type Attributes = Readonly<Record<string, unknown>>;

/** What an op is: shape rule, gradient rule and lowering in one place. */
export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /** Shape and type of each output. Throws on inputs that do not fit. */
  readonly outputs: (
    inputs: readonly Value[],
    attributes: A,
  ) => readonly { readonly shape: Shape; readonly dtype: DType }[];
  /** Cotangents of the inputs from those of the outputs (undefined: none arrived). Undefined result: no gradient. */
  readonly gradient?: (node: Node<A>, cotangents: readonly (Value | undefined)[]) => readonly (Value | undefined)[];
  /** Write ONNX nodes that compute `outputs` (names to use) from `inputs` (names). */
  readonly onnx: (emitter: OnnxWriter, node: Node<A>, inputs: readonly string[], outputs: readonly string[]) => void;
  /**
   * Bytes that these ONNX nodes hold at a time, at most, beside inputs and outputs. Default: none.
   * @param bytes of a value
   */
  readonly scratch?: (node: Node<A>, bytes: (value: Value) => number) => number;
}

export interface Node<A extends Attributes = Attributes> {
  readonly id: number;
  readonly op: Op<A>;
  readonly inputs: readonly Value[];
  readonly attributes: A;
  readonly outputs: readonly Value[];
}

/** One output of a node: an array of known rank and dtype, its sizes numbers or symbols. */
export interface Value {
  readonly graph: Graph;
  readonly node: Node;
  /** Which output of the node. */
  readonly index: number;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What of an array is dropped. */
export interface Dropout {
  /** Two 32-bit words, int32 [2]: equal keys are equal masks. */
  readonly key: Value;
  /** Probability that an entry is dropped, in steps of 1 / 65,536. */
  readonly rate: number;
}

/** W + scale · B·A of a weight W [out, in]. */
export interface LowRank {
  /** [rank, in]. */
  readonly a: Value;
  /** [out, rank]. */
  readonly b: Value;
  readonly scale: number;
  /** Of what A reads; null where nothing is dropped. */
  readonly dropout: Dropout | null;
}

export class Graph {
  readonly passes: Passes;
  readonly nodes: Node[] = [];
  readonly inputs = new Map<string, Value>();
  readonly outputs = new Map<string, Value>();
  /** Numbers of nodes before which an executor may cut the graph into programs: where layers begin. */
  readonly cuts: number[] = [];
  /** Low-rank updates of weights: `linear` computes with the updated weight. */
  readonly lowRank = new Map<Value, readonly LowRank[]>();
  readonly #known = new Map<string, Node>();

  constructor(passes: Partial<Passes> = {}) {
    this.passes = { ...allPasses, ...passes };
  }

  /** A named array fed at run time: a parameter, pixels, indices, a mask. */
  input(name: string, shape: Shape, dtype: DType = "float32"): Value {
    if (this.inputs.has(name)) throw new Error(`graph input "${name}" exists already`);
    const value = this.apply(inputOp, [], { name, shape, dtype });
    this.inputs.set(name, value);
    return value;
  }

  /** Have the graph return `value` under a name. */
  output(name: string, value: Value): void {
    if (this.outputs.has(name)) throw new Error(`graph output "${name}" exists already`);
    this.outputs.set(name, value);
  }

  /** Let an executor that compiles whole programs begin a new one here. */
  cut(): void {
    if (this.cuts.at(-1) !== this.nodes.length) this.cuts.push(this.nodes.length);
  }

  /** Record an op with one output. */
  apply<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): Value {
    return first(this.applyAll(op, inputs, attributes));
  }

  /** Record an op; returns all its outputs. */
  applyAll<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): readonly Value[] {
    const key = `${op.name}(${inputs.map((v) => `${v.node.id}.${v.index}`).join(",")})${attributesKey(attributes)}`;
    const known = this.#known.get(key);
    if (known && this.passes.commonSubexpressions) return known.outputs;
    const described = describe(op, inputs, attributes);
    const outputs: Value[] = [];
    const node = { id: this.nodes.length, op, inputs, attributes, outputs } as unknown as Node;
    described.forEach(({ shape, dtype }, index) => outputs.push({ graph: this, node, index, shape, dtype }));
    this.nodes.push(node);
    this.#known.set(key, node);
    return outputs;
  }
}

/** Nodes that the graph's outputs depend on, in the order they were recorded. */
export function liveNodes(graph: Graph): Node[] {
  const live = new Set<Node>();
  const pending = [...graph.outputs.values()].map((value) => value.node);
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (live.has(node)) continue;
    live.add(node);
    for (const input of node.inputs) pending.push(input.node);
  }
  return graph.nodes.filter((node) => live.has(node));
}

export const inputOp: Op<{ readonly name: string; readonly shape: Shape; readonly dtype: DType }> = {
  name: "input",
  outputs: (_, { shape, dtype }) => [{ shape, dtype }],
  onnx: () => undefined,
};

export function first<T>(values: readonly T[]): T {
  const value = values[0];
  if (value === undefined) throw new Error("an op without outputs was used as a value");
  return value;
}

function describe<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A) {
  try {
    return op.outputs(inputs, attributes);
  } catch (cause) {
    const shapes = inputs.map((v) => shapeText(v.shape)).join(", ");
    throw new Error(`${op.name}(${shapes}): ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

let functions = 0;
const functionIds = new WeakMap<object, number>();

/** Text that is equal for equal attributes; functions are told apart by identity. */
export function attributesKey(attributes: Attributes): string {
  return JSON.stringify(attributes, (_, value: unknown) => {
    if (value instanceof Map) return [...(value as Map<unknown, unknown>)];
    if (ArrayBuffer.isView(value)) return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
    if (typeof value !== "function") return value;
    const id = functionIds.get(value) ?? ++functions;
    functionIds.set(value, id);
    return `function ${id}`;
  });
}
