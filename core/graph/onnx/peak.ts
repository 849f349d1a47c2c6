/**
 * How much memory a program takes while it runs, found by walking its nodes as onnxruntime does: shapes alone, nothing
 * is computed.
 */
import { evaluate, type Shape, sizeOf } from "../dims.ts";
import type { FileType } from "../executor.ts";
import { first, type Graph, inputOp, type Node, type Value } from "../graph.ts";
import { executionOrder } from "./emitter.ts";
import { type FedPart, fedParts } from "./fed-parts.ts";
import { bytesOf } from "./stored.ts";

export interface PeakOptions {
  /** Values of the named sizes; see `sizesOf`. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Inputs that stay in files, which is where they are read, and their types there. */
  readonly files?: ReadonlyMap<string, FileType>;
  /** See CompileOptions. */
  readonly sums?: ReadonlySet<string>;
  /** Sums take no memory until they are written to, and count from then on. */
  readonly sumsGrow?: boolean;
}

/** What one onnxruntime node, or a few that are lowered from one op, reads and makes. */
interface Step {
  readonly node: Node | null;
  readonly reads: readonly Value[];
  readonly makes: readonly Value[];
}

/**
 * Bytes of intermediate arrays and outputs that exist at a time, at most: an array comes with the node that makes it
 * and goes after its last reader, which is what onnxruntime does without an arena. What is fed, and sums, are somebody
 * else's.
 */
export function peakBytes(graph: Graph, options: PeakOptions): number {
  const steps = stepsOf(graph, options.sums ?? new Set());
  const memory = new Memory(graph, options, steps);
  for (const step of inOrder(steps)) memory.run(step);
  return memory.peak;
}

/** An array of a program: what makes it, its shape. */
export interface LargestArray {
  readonly what: string;
  readonly bytes: number;
}

/** The largest array that a program reads or makes: weights, joined weights, logits, activations. */
export function largestArray(graph: Graph, sizes: ReadonlyMap<string, number>): LargestArray {
  const names = new Map([...graph.inputs].map(([name, value]) => [value, name]));
  let [largest, bytes]: [Value | null, number] = [null, 0];
  for (const value of executionOrder(graph).flatMap(({ outputs }) => outputs)) {
    const own = 4 * evaluate(sizeOf(value.shape), sizes);
    if (own > bytes) [largest, bytes] = [value, own];
  }
  if (largest === null) return { what: "nothing", bytes };
  const shape = largest.shape.map((dim) => evaluate(dim, sizes)).join(", ");
  return { what: `${names.get(largest) ?? `what the op "${largest.node.op.name}" makes`} [${shape}]`, bytes };
}

/** What ops do without a kernel: their output is their first input. */
const aliases = new Set(["withGradient", "reshape"]);

/** Kernels that write over an input that nobody else reads. */
const overwriting = new Set([
  "add",
  "sub",
  "mul",
  "div",
  "neg",
  "exp",
  "log",
  "sqrt",
  "sigmoid",
  "erf",
  "affine",
  "softmax",
  "scatterAddRows",
]);

/** In the order of the emitted model. */
function stepsOf(graph: Graph, sums: ReadonlySet<string>): Step[] {
  const nodes = executionOrder(graph).filter(({ op }) => op.name !== inputOp.name);
  const steps: Step[] = nodes.map((node) => ({
    node,
    reads: node.op.name === "withGradient" ? node.inputs.slice(0, 1) : node.inputs,
    makes: node.outputs,
  }));
  const added = [...graph.outputs].filter(([name]) => sums.has(name)).map(([, value]) => value);
  for (const value of added.sort((a, b) => b.node.id - a.node.id))
    steps.push({ node: null, reads: [value], makes: [] });
  return steps;
}

/**
 * The order in which onnxruntime runs nodes: depth first from those that nobody reads, the last one first, and of a
 * node's inputs the one that comes last first.
 */
function* inOrder(steps: readonly Step[]): Generator<Step> {
  const makerOf = new Map(steps.flatMap(({ makes }, index) => makes.map((value) => [value, index] as const)));
  const before = steps.map(({ reads }) =>
    [...new Set(reads.flatMap((value) => makerOf.get(value) ?? []))].sort((a, b) => a - b),
  );
  const read = new Set(before.flat());
  const pending = [...steps.keys()].filter((index) => !read.has(index)).map((index) => ({ index, done: false }));
  const visited = new Set<number>();
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.done) yield steps[next.index]!;
    if (next.done || visited.has(next.index)) continue;
    visited.add(next.index);
    pending.push({ index: next.index, done: true }, ...before[next.index]!.map((index) => ({ index, done: false })));
  }
}

class Memory {
  peak = 0;
  #live = 0;
  readonly #options: PeakOptions;
  /** Reads of each array that are still to come; an output is read by whoever asked for it. */
  readonly #reads = new Map<Value, number>();
  /** The value whose array a value is. */
  readonly #arrays = new Map<Value, Value>();
  /** Arrays that are made by the program, and how large they are. */
  readonly #made = new Map<Value, number>();
  /** What is fed where it lies. */
  readonly #parts: ReadonlyMap<Value, FedPart>;
  /** Stretches of files, by type. */
  readonly #stored = new Map<Value, FileType>();

  constructor(graph: Graph, options: PeakOptions, steps: readonly Step[]) {
    this.#options = options;
    this.#parts = fedParts(graph, (name) => options.files?.has(name) !== true);
    for (const [name, value] of graph.inputs) {
      const type = options.files?.get(name);
      if (type !== undefined) this.#stored.set(value, type);
    }
    for (const { node, reads, makes } of steps) {
      if (node !== null && this.#staysStored(node)) continue;
      if (node !== null && aliases.has(node.op.name) && !this.#stored.has(reads[0]!))
        this.#arrays.set(makes[0]!, this.#array(reads[0]!));
      else for (const value of reads) this.#count(value, 1);
    }
    for (const [name, value] of graph.outputs) if (options.sums?.has(name) !== true) this.#count(value, 1);
  }

  run({ node, reads, makes }: Step): void {
    if (
      node !== null &&
      (makes.every((value) => this.#stored.has(value) || this.#parts.has(value)) || this.#arrays.has(makes[0]!))
    )
      return;
    const over = node !== null && this.#writesOver(node) ? this.#array(reads[0]!) : null;
    for (const value of makes) {
      const size = this.#bytes(value);
      this.#made.set(value, size);
      this.#live += size;
    }
    if (node === null && this.#options.sumsGrow === true) this.#live += this.#bytes(reads[0]!);
    if (over !== null) this.#live -= this.#made.get(over)!;
    this.peak = Math.max(this.peak, this.#live + (node === null ? 0 : this.#scratch(node, reads)));
    if (over !== null) this.#made.set(over, 0);
    for (const value of reads) this.#count(value, -1);
    for (const value of [...reads, ...makes]) this.#letGo(this.#array(value));
  }

  #count(value: Value, more: number): void {
    const array = this.#array(value);
    this.#reads.set(array, (this.#reads.get(array) ?? 0) + more);
  }

  #letGo(array: Value): void {
    if ((this.#reads.get(array) ?? 0) > 0) return;
    this.#live -= this.#made.get(array) ?? 0;
    this.#made.delete(array);
  }

  #array(value: Value): Value {
    return this.#arrays.get(value) ?? value;
  }

  #bytes({ shape }: { readonly shape: Shape }): number {
    return 4 * evaluate(sizeOf(shape), this.#options.sizes);
  }

  /** See OnnxEmitter. */
  #staysStored({ op, inputs, outputs, attributes }: Node): boolean {
    const type = inputs[0] && this.#stored.get(inputs[0]);
    const cuts = op.name === "reshape" || (op.name === "split" && (attributes as { axis?: number }).axis === 0);
    if (type === undefined || !cuts || outputs.some(({ shape }) => shape.some((dim) => typeof dim !== "number")))
      return false;
    for (const output of outputs) this.#stored.set(output, type);
    return true;
  }

  /** onnxruntime writes over an input of the same size alone, which it knows of fixed sizes. */
  #writesOver({ op, inputs, outputs }: Node): boolean {
    const [one] = inputs;
    if (
      one === undefined ||
      !overwriting.has(op.name) ||
      !this.#made.has(this.#array(one)) ||
      this.#reads.get(this.#array(one)) !== 1
    )
      return false;
    return (
      first(outputs).shape.every((dim) => typeof dim === "number") && this.#bytes(one) === this.#bytes(first(outputs))
    );
  }

  /**
   * What a node holds while it runs, beside what it reads and makes: weights of files that it widens, and what its
   * lowering makes.
   */
  #scratch(node: Node, reads: readonly Value[]): number {
    const bytes = (value: Value): number => this.#bytes(value);
    const isGather = node.op.name === "gatherRows";
    const widened = reads.map((value, i) => {
      const type = this.#stored.get(value);
      if (type === undefined || type === "F32") return 0;
      return isGather && i === 0 ? bytes(first(node.outputs)) * (bytesOf[type] / 4) : bytes(value);
    });
    return widened.reduce((a, b) => a + b, 0) + (node.op.scratch?.(node, bytes) ?? 0);
  }
}
