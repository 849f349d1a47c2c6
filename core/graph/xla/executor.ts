/** Runs graphs on OpenXLA: whole programs, compiled for each set of sizes, on arrays that stay on the device. `papo setup xla` fetches what it needs. */
import { evaluate, type Shape } from "../dims.ts";
import type { CompileOptions, Device, DeviceArray, Executor, Feeds, FloatArray, HostArray, Program } from "../executor.ts";
import { type Graph, type Value, liveNodes, inputOp } from "../graph.ts";
import { lowerings } from "./lowering.ts";
import { Executables, type LoadedProgram } from "./executables.ts";
import { type Held, Memory } from "./memory.ts";
import type { Pjrt } from "./pjrt.ts";
import type { ElementType } from "./pjrt-functions.ts";
import { type Segment, segmentsOf } from "./segments.ts";
import { type Hlo, HloWriter } from "./writer.ts";

export interface XlaOptions {
  /** "bfloat16": matrix products take their factors rounded to bfloat16 and sum in float32. Default "float32". */
  readonly precision?: "float32" | "bfloat16";
}

const hloType = (dtype: "float32" | "int32"): ElementType => (dtype === "int32" ? "i32" : "f32");

export class XlaExecutor implements Executor {
  readonly name = "OpenXLA";
  readonly device: Device;
  readonly #memory: Memory;
  readonly #executables: Executables;
  readonly #products: "f32" | "bf16";

  readonly #close: () => void;

  /** @param close called by `close` */
  constructor(pjrt: Pjrt, { precision = "float32" }: XlaOptions = {}, close = (): void => pjrt.close()) {
    this.#close = close;
    this.#memory = new Memory(pjrt);
    this.#executables = new Executables(pjrt);
    this.#products = precision === "bfloat16" ? "bf16" : "f32";
    this.device = this.#memory;
  }

  compile(graph: Graph, { constants = {}, products = "float32" }: CompileOptions = {}): Promise<Program> {
    if (products !== "float32") throw new Error(`products in ${products} are onnxruntime's: the executor "xla" has float32 and, for all of them, bfloat16`);
    return Promise.resolve(new XlaProgram(graph, { memory: this.#memory, executables: this.#executables, products: this.#products, constants }));
  }

  close(): void {
    this.#close();
  }
}

interface Setting {
  readonly memory: Memory;
  readonly executables: Executables;
  readonly products: "f32" | "bf16";
  readonly constants: Readonly<Record<string, HostArray>>;
}

/** Programs of a graph's segments at some sizes. */
type Compiled = readonly { readonly segment: Segment; readonly program: LoadedProgram }[];

class XlaProgram implements Program {
  readonly #graph: Graph;
  readonly #setting: Setting;
  readonly #segments: readonly Segment[];
  readonly #inputs: ReadonlyMap<string, Value>;
  readonly #constants = new Map<string, Held>();
  readonly #compiled = new Map<string, Compiled>();

  constructor(graph: Graph, setting: Setting) {
    this.#graph = graph;
    this.#setting = setting;
    const live = liveNodes(graph);
    for (const { op } of live) if (op.name !== inputOp.name && !(op.name in lowerings)) throw new Error(`the op "${op.name}" has no lowering to OpenXLA`);
    this.#segments = segmentsOf(graph);
    const read = new Set(live);
    this.#inputs = new Map([...graph.inputs].filter(([, { node }]) => read.has(node)));
    for (const [name, array] of Object.entries(setting.constants)) if (this.#inputs.has(name)) this.#constants.set(name, setting.memory.hold(array));
  }

  async run(feeds: Feeds): Promise<Record<string, FloatArray>> {
    const outputs = await this.runOnDevice(feeds);
    const { memory } = this.#setting;
    try {
      return Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, { shape: array.shape, data: memory.get(array) }]));
    } finally {
      for (const array of Object.values(outputs)) memory.free(array);
    }
  }

  runOnDevice(feeds: Feeds): Promise<Record<string, DeviceArray>> {
    const { memory } = this.#setting;
    const held = new Map<Value, Held>();
    try {
      for (const [name, value] of this.#inputs) held.set(value, this.#held(name, value, feeds));
      const compiled = this.#compile(this.#symbols(feeds));
      compiled.forEach(({ segment, program }, i) => {
        const results = memory.run(program, segment.inputs.map((value) => held.get(value)!));
        segment.outputs.forEach((value, k) => held.set(value, results[k]!));
        // What no later segment reads is let go of.
        for (const value of segment.inputs) if (!this.#readAfter(value, i)) letGo(held, value);
      });
      return Promise.resolve(Object.fromEntries([...this.#graph.outputs].map(([name, value]) => [name, memory.array(held.get(value)!)])));
    } finally {
      for (const value of [...held.keys()]) letGo(held, value);
    }
  }

  release(): Promise<void> {
    for (const constant of this.#constants.values()) constant.release();
    this.#constants.clear();
    for (const compiled of this.#compiled.values()) for (const { program } of compiled) this.#setting.executables.release(program);
    this.#compiled.clear();
    return Promise.resolve();
  }

  #readAfter(value: Value, segment: number): boolean {
    return this.#lastReader(value) > segment;
  }

  readonly #lastReaders = new Map<Value, number>();

  /** The last segment that reads a value; one past all for what the caller gets. */
  #lastReader(value: Value): number {
    if (this.#lastReaders.size === 0) {
      this.#segments.forEach(({ inputs }, i) => inputs.forEach((input) => this.#lastReaders.set(input, i)));
      for (const output of this.#graph.outputs.values()) this.#lastReaders.set(output, this.#segments.length);
    }
    return this.#lastReaders.get(value) ?? -1;
  }

  /** An input's array on the device, held once more. @throws Error naming an input that is missing or does not fit */
  #held(name: string, { dtype }: Value, feeds: Feeds): Held {
    const constant = this.#constants.get(name);
    if (constant !== undefined) return constant.again();
    const feed = feeds[name];
    if (!feed) throw new Error(`the graph's input "${name}" was not fed`);
    if ("id" in feed) return this.#setting.memory.held(feed, name);
    const size = feed.shape.reduce((a, b) => a * b, 1);
    if (feed.data.length !== size) throw new Error(`input "${name}": ${feed.data.length} entries for shape [${feed.shape.join(", ")}]`);
    if (feed.data instanceof Float32Array !== (dtype === "float32")) throw new Error(`input "${name}": ${feed.data.constructor.name} for ${dtype}`);
    return this.#setting.memory.hold(feed);
  }

  /** Named sizes, read off the inputs that have them as an axis. @throws Error naming an input whose shape does not fit */
  #symbols(feeds: Feeds): Map<string, number> {
    const symbols = new Map<string, number>();
    const shapes = [...this.#inputs].map(([name, value]) => ({ name, wanted: value.shape, found: (this.#setting.constants[name] ?? feeds[name])!.shape }));
    for (const { wanted, found } of shapes) {
      wanted.forEach((dim, axis) => {
        const size = found[axis];
        if (typeof dim !== "number" && size !== undefined && !symbols.has(dim.key)) symbols.set(dim.key, size);
      });
    }
    for (const { name, wanted, found } of shapes) {
      const sizes = wanted.map((dim) => (typeof dim === "number" ? dim : (symbols.get(dim.key) ?? evaluate(dim, symbols))));
      if (sizes.join() !== found.join()) throw new Error(`input "${name}" has the shape [${found.join(", ")}]: [${sizes.join(", ")}] is needed`);
    }
    return symbols;
  }

  #compile(symbols: ReadonlyMap<string, number>): Compiled {
    const key = JSON.stringify([...symbols].sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const sizes = (shape: Shape): number[] => shape.map((dim) => (typeof dim === "number" ? dim : (symbols.get(dim.key) ?? evaluate(dim, symbols))));
    const compiled: { segment: Segment; program: LoadedProgram }[] = [];
    try {
      for (const segment of this.#segments) {
        const text = segmentText(segment, sizes, this.#setting.products);
        compiled.push({ segment, program: this.#setting.executables.get(text, segment.outputs.map(({ shape }) => sizes(shape))) });
      }
    } catch (cause) {
      for (const { program } of compiled) this.#setting.executables.release(program);
      throw cause;
    }
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

function letGo(held: Map<Value, Held>, value: Value): void {
  held.get(value)?.release();
  held.delete(value);
}

/** A segment as StableHLO. */
export function segmentText({ nodes, inputs, outputs }: Segment, sizes: (shape: Shape) => number[], products: "f32" | "bf16"): string {
  const hlo = new HloWriter();
  const values = new Map<Value, Hlo>(inputs.map((value) => [value, hlo.argument(sizes(value.shape), hloType(value.dtype))]));
  const lowered = (value: Value): Hlo => values.get(value)!;
  for (const node of nodes) {
    hlo.locate(node.op.name);
    const results = lowerings[node.op.name]!({ hlo, node, inputs: node.inputs.map(lowered), sizes, products });
    node.outputs.forEach((value, i) => values.set(value, results[i]!));
  }
  return hlo.module(inputs.map(lowered), outputs.map(lowered));
}
