/** Writes a graph as an ONNX model (protobuf fields of onnx.proto3, opset 21). */
import type { LoopType, OnnxDevice, OnnxNodeOptions, OnnxProducts, OnnxWriter } from "./writer.ts";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Dim, dimText, monomials, type Shape, type SymbolicDim } from "../dims.ts";
import type { FedPart } from "./fed-parts.ts";
import {
  constantTensor,
  elementType,
  fixedSizes,
  message,
  scalarInfo,
  sequenceInfo,
  tensorInfo,
  valueInfo,
  writeAttribute,
} from "./messages.ts";
import { type Stored, storedKey, storedParts, storedTensor } from "./stored.ts";
import { type Graph, inputOp, liveNodes, type Node, type Value, first } from "../graph.ts";

const opset = 21;
const irVersion = 10;

export interface EmitOptions {
  /** Names of inputs whose arrays are part of the model, as external data: the file of each is called by its name. */
  readonly constants?: ReadonlySet<string>;
  /** Inputs that stay in files, and where. */
  readonly files?: ReadonlyMap<string, Stored>;
  /** Values that are inputs of their own. */
  readonly parts?: ReadonlyMap<Value, FedPart>;
  /** See CompileOptions. */
  readonly products?: OnnxProducts;
  readonly device?: OnnxDevice;
  /**
   * Outputs to which the input that `sumInput` names is added; with any, the first output of the model is `noOutput`.
   */
  readonly sums?: readonly string[];
}

/** The input that an output is added to. */
export const sumInput = (output: string): string => `sum of ${output}`;

/** A sequence of numbers that says nothing; what it is for, OnnxProgram knows. */
export const noOutput = "no output";

/** The ONNX model of everything the graph's outputs depend on. */
export function emitOnnx(graph: Graph, options: EmitOptions = {}): Uint8Array {
  const emitter = new OnnxEmitter(graph, options);
  for (const node of executionOrder(graph)) emitter.node(node);
  return emitter.finish();
}

/**
 * Inputs first: sizes are read off them. Nodes that nothing reads (weight gradients) go last, newest first: onnxruntime
 * then runs each as soon as its inputs exist, instead of keeping every activation alive to the end.
 */
export function executionOrder(graph: Graph): Node[] {
  const live = liveNodes(graph);
  const read = new Set(live.flatMap((node) => node.inputs.map((input) => input.node)));
  const isInput = (node: Node): boolean => node.op.name === inputOp.name;
  const isLeaf = (node: Node): boolean => graph.passes.liveness && !read.has(node) && node.inputs.length > 0;
  const inner = live.filter((node) => !isInput(node) && !isLeaf(node));
  return [...live.filter(isInput), ...inner, ...live.filter(isLeaf).reverse()];
}

export class OnnxEmitter implements OnnxWriter {
  readonly products: OnnxProducts;
  readonly device: OnnxDevice;
  readonly #graph: Graph;
  readonly #constants: ReadonlySet<string>;
  readonly #sums: readonly string[];
  readonly #files: ReadonlyMap<string, Stored>;
  readonly #parts: ReadonlyMap<Value, FedPart>;
  /** Values that are stretches of files. */
  readonly #stored = new Map<Value, Stored>();
  /**
   * What widens them, before all other nodes: of a node's inputs onnxruntime computes the one that comes last in the
   * model first, and this must come when all else that the node needs is there, or every weight would be wide at once.
   */
  readonly #widening: BinaryWriter[] = [];
  /** Of the graph, or of the loop's body that is being written. */
  #nodes: BinaryWriter[] = [];
  readonly #initializers = new Map<string, BinaryWriter>();
  readonly #names = new Map<Value, string>();
  readonly #outputNames = new Map<Value, string>();
  readonly #sizes = new Map<string, string>();
  #fresh = 0;

  constructor(graph: Graph, options: EmitOptions) {
    const {
      constants = new Set(),
      files = new Map<string, Stored>(),
      parts = new Map<Value, FedPart>(),
      products = "float32",
      device = "cpu",
      sums = [],
    } = options;
    this.products = products;
    this.device = device;
    this.#graph = graph;
    this.#constants = constants;
    this.#files = files;
    this.#parts = parts;
    this.#sums = sums;
    for (const [name, value] of graph.outputs)
      if (!this.#outputNames.has(value) && !sums.includes(name)) this.#outputNames.set(value, name);
  }

  /** Lower one node; its inputs are lowered already. */
  node(node: Node): void {
    if (node.op.name === inputOp.name) {
      const { name } = node.attributes as { name: string };
      const stored = this.#files.get(name);
      if (stored === undefined) this.#names.set(first(node.outputs), name);
      else this.#stored.set(first(node.outputs), stored);
      return;
    }
    if (this.#staysStored(node) || this.#isFed(node)) return;
    const outputs = node.outputs.map((value) => {
      const name = this.#outputNames.get(value) ?? this.#name("v");
      this.#names.set(value, name);
      return name;
    });
    // What a gradient rule alone reads is not to be widened for nothing.
    const read = node.op.name === "withGradient" ? node.inputs.slice(0, 1) : node.inputs;
    const [table, index] = node.inputs;
    if (node.op.name === "gatherRows" && table !== undefined && this.#stored.has(table))
      return this.#gatherStored(this.#stored.get(table)!, this.#nameOf(index!), outputs);
    node.op.onnx(
      this,
      node,
      read.map((value) => this.#nameOf(value)),
      outputs,
    );
  }

  /** Whether a node's outputs are stretches of a file as its input is: parts along the first axis, or another shape. */
  #staysStored({ op, inputs, outputs, attributes }: Node): boolean {
    const stored = inputs[0] && this.#stored.get(inputs[0]);
    if (stored === undefined || outputs.some((value) => this.#outputNames.has(value))) return false;
    const shapes = outputs.map(({ shape }) => fixedSizes(shape));
    if (shapes.includes(null)) return false;
    if (op.name === "reshape") this.#stored.set(first(outputs), { ...stored, shape: shapes[0]! });
    else if (op.name === "split" && (attributes as { axis?: number }).axis === 0) {
      storedParts(
        stored,
        shapes.map((shape) => shape![0]!),
      ).forEach((part, i) => this.#stored.set(outputs[i]!, part));
    } else return false;
    return true;
  }

  /** Whether a node's outputs are inputs of their own. */
  #isFed({ outputs }: Node): boolean {
    for (const value of outputs) {
      const part = this.#parts.get(value);
      if (part === undefined) return false;
      this.#names.set(value, part.name);
    }
    return true;
  }

  /** Rows of a table in a file: only they are widened. */
  #gatherStored(table: Stored, index: string, outputs: readonly string[]): void {
    const rows = { attributes: { axis: 0 } };
    const raw = this.#initializerOf(table);
    if (table.type === "F32") this.op("Gather", [raw, index], { ...rows, outputs });
    else this.op("Cast", this.op("Gather", [raw, index], rows), { outputs, attributes: { to: elementType.float32 } });
  }

  #initializerOf(stored: Stored): string {
    const name = storedKey(stored);
    if (!this.#initializers.has(name)) this.#initializers.set(name, storedTensor(name, stored));
    return name;
  }

  /** Float32 for one reader: what the pass forward widened is not kept for the pass back. */
  #widened(stored: Stored): string {
    const raw = this.#initializerOf(stored);
    if (stored.type === "F32") return raw;
    const nodes = this.#nodes;
    this.#nodes = this.#widening;
    const [wide] = this.op("Cast", [raw], { attributes: { to: elementType.float32 } });
    this.#nodes = nodes;
    return wide as string;
  }

  op(
    type: string,
    inputs: readonly string[],
    { outputs = [this.#name("v")], attributes = {}, domain = "" }: OnnxNodeOptions = {},
  ): readonly string[] {
    const node = new BinaryWriter();
    for (const input of inputs) node.tag(1, WireType.LengthDelimited).string(input);
    for (const output of outputs) node.tag(2, WireType.LengthDelimited).string(output);
    node.tag(3, WireType.LengthDelimited).string(this.#name(type)).tag(4, WireType.LengthDelimited).string(type);
    for (const [name, value] of Object.entries(attributes)) writeAttribute(node, name, value);
    if (domain !== "") node.tag(7, WireType.LengthDelimited).string(domain);
    this.#nodes.push(node);
    return outputs;
  }

  loopBody(
    carried: readonly LoopType[],
    body: (iteration: string, carried: readonly string[]) => readonly string[],
  ): Uint8Array {
    const outside = this.#nodes;
    this.#nodes = [];
    const [iteration, condition] = [this.fresh("iteration"), this.fresh("condition")];
    const inputs = carried.map(() => this.fresh("carried"));
    const outputs = [first(this.op("Identity", [condition])), ...body(iteration, inputs)];
    const graph = new BinaryWriter();
    for (const node of this.#nodes) message(graph, 1, node);
    this.#nodes = outside;
    graph.tag(2, WireType.LengthDelimited).string(this.fresh("body"));
    const info = (name: string, i: number): BinaryWriter =>
      i === 0 ? scalarInfo(name, "bool") : carried[i - 1] === "sequence" ? sequenceInfo(name) : tensorInfo(name);
    message(graph, 11, scalarInfo(iteration, "int64"));
    [condition, ...inputs].forEach((name, i) => message(graph, 11, info(name, i)));
    outputs.forEach((name, i) => message(graph, 12, info(name, i)));
    return graph.finish();
  }

  fresh(stem: string): string {
    return this.#name(stem);
  }

  alias(output: string, input: string): void {
    for (const [value, name] of this.#names) {
      if (name !== output) continue;
      if (this.#outputNames.has(value)) this.op("Identity", [input], { outputs: [output] });
      else this.#names.set(value, input);
    }
  }

  float(value: number): string {
    return this.#initializer(`float ${value}`, elementType.float32, [], new Uint8Array(Float32Array.of(value).buffer));
  }

  ints(values: readonly (number | bigint)[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#initializer(
      `ints ${values.join(" ")}`,
      elementType.int64,
      [values.length],
      new Uint8Array(data.buffer),
    );
  }

  int(value: number): string {
    return this.#initializer(
      `int ${value}`,
      elementType.int64,
      [],
      new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
    );
  }

  words(values: readonly bigint[]): string {
    return this.#initializer(
      `words ${values.join(" ")}`,
      elementType.uint64,
      [values.length],
      new Uint8Array(BigUint64Array.from(values).buffer),
    );
  }

  shape(shape: Shape): string {
    const fixed = shape.every((dim) => typeof dim === "number");
    if (fixed) return this.ints(shape);
    const sizes = shape.map((dim) => this.#size(dim));
    return this.#memo(`shape ${shape.map(dimText).join(" ")}`, () =>
      first(this.op("Concat", sizes, { attributes: { axis: 0 } })),
    );
  }

  reshapeTarget(shape: Shape): string {
    const unknown = shape.filter((dim) => typeof dim !== "number").length;
    const open = unknown === 1 && !shape.includes(0);
    return open ? this.ints(shape.map((dim) => (typeof dim === "number" ? dim : -1))) : this.shape(shape);
  }

  finish(): Uint8Array {
    const graph = new BinaryWriter();
    this.#addToSums();
    for (const [name, value] of this.#graph.outputs) {
      if (!this.#sums.includes(name) && this.#nameOf(value) !== name)
        this.op("Identity", [this.#nameOf(value)], { outputs: [name] });
    }
    for (const node of [...this.#widening, ...this.#nodes]) message(graph, 1, node);
    graph.tag(2, WireType.LengthDelimited).string("graph");
    for (const initializer of this.#initializers.values()) message(graph, 5, initializer);
    for (const [name, value] of this.#graph.inputs) {
      if (!this.#names.has(value)) continue;
      if (this.#constants.has(name)) message(graph, 5, constantTensor(name, value));
      else message(graph, 11, valueInfo(name, value));
    }
    for (const [value, { name }] of this.#parts) if (this.#names.has(value)) message(graph, 11, valueInfo(name, value));
    for (const name of this.#sums)
      message(graph, 11, valueInfo(sumInput(name), this.#graph.outputs.get(name) as Value));
    if (this.#sums.length > 0) message(graph, 12, sequenceInfo(noOutput));
    for (const [name, value] of this.#graph.outputs) message(graph, 12, valueInfo(name, value));
    for (const info of this.#innerShapes()) message(graph, 13, info);
    const model = new BinaryWriter();
    model.tag(1, WireType.Varint).int64(irVersion);
    message(model, 7, graph);
    for (const [domain, version] of [
      ["", opset],
      ["com.microsoft", 1],
    ] as const) {
      message(
        model,
        8,
        new BinaryWriter().tag(1, WireType.LengthDelimited).string(domain).tag(2, WireType.Varint).int64(version),
      );
    }
    return model.finish();
  }

  /**
   * Names for lengths that vary within the graph, where onnxruntime would make up new ones: it compares each with all
   * that it made up before, which for a graph of 6,200 nodes took 12 s of its time before the first run.
   */
  #innerShapes(): BinaryWriter[] {
    const inner = [...this.#names].filter(
      ([value, name]) =>
        !this.#graph.inputs.has(name) && !this.#graph.outputs.has(name) && fixedSizes(value.shape) === null,
    );
    return [...new Map(inner.map(([value, name]) => [name, value]))].map(([name, value]) => valueInfo(name, value));
  }

  /** Nothing reads the sums, so they come in the order of `executionOrder`: newest first. */
  #addToSums(): void {
    if (this.#sums.length === 0) return;
    this.op("SequenceConstruct", [this.float(0)], { outputs: [noOutput] });
    const summed = this.#sums.map((name) => ({ name, value: this.#graph.outputs.get(name) as Value }));
    for (const { name, value } of summed.sort((a, b) => b.value.node.id - a.value.node.id))
      this.op("Add", [sumInput(name), this.#nameOf(value)], { outputs: [name] });
  }

  /** One size as int64 [1]. */
  #size(dim: Dim): string {
    if (typeof dim === "number") return this.ints([dim]);
    return this.#memo(`size ${dim.key}`, () => this.#sum(dim));
  }

  #sum(dim: SymbolicDim): string {
    const products = monomials(dim).map(({ symbols, coefficient }) => {
      const factors = symbols.map((name) => this.#memo(`symbol ${name}`, () => this.#symbol(name)));
      if (coefficient !== 1 || factors.length === 0) factors.push(this.ints([coefficient]));
      return factors.reduce((a, b) => first(this.op("Mul", [a, b])));
    });
    return products.reduce((a, b) => first(this.op("Add", [a, b])));
  }

  /** A named size, read off the first fed input that has it as an axis. */
  #symbol(name: string): string {
    for (const [input, { shape }] of this.#graph.inputs) {
      const axis = shape.findIndex((dim) => typeof dim !== "number" && dim.key === name);
      if (axis >= 0 && this.#names.has(this.#graph.inputs.get(input) as Value)) {
        return first(this.op("Shape", [input], { attributes: { start: axis, end: axis + 1 } }));
      }
    }
    throw new Error(`no input of the graph has the size "${name}" as an axis`);
  }

  #memo(key: string, make: () => string): string {
    const known = this.#sizes.get(key) ?? make();
    this.#sizes.set(key, known);
    return known;
  }

  #initializer(name: string, type: number, dims: readonly number[], data: Uint8Array): string {
    if (!this.#initializers.has(name)) {
      const tensor = new BinaryWriter();
      for (const dim of dims) tensor.tag(1, WireType.Varint).int64(dim);
      tensor
        .tag(2, WireType.Varint)
        .int32(type)
        .tag(8, WireType.LengthDelimited)
        .string(name)
        .tag(9, WireType.LengthDelimited)
        .bytes(data);
      this.#initializers.set(name, tensor);
    }
    return name;
  }

  #nameOf(value: Value): string {
    const stored = this.#stored.get(value);
    if (stored !== undefined) return this.#widened(stored);
    const name = this.#names.get(value);
    if (name === undefined) throw new Error(`${value.node.op.name} is read before it is computed`);
    return name;
  }

  #name(stem: string): string {
    return `${stem}.${this.#fresh++}`;
  }
}
