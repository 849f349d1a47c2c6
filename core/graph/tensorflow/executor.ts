/**
 * Runs graphs on TensorFlow, kernel by kernel: for GPUs and for bfloat16 products. `papo setup tensorflow` makes what
 * it needs.
 */
import type {
  CompileOptions,
  Device,
  DeviceArray,
  Executor,
  Feeds,
  FloatArray,
  HostArray,
  Program,
} from "../executor.ts";
import { type Graph, inputOp, liveNodes, type Node, type Value } from "../graph.ts";
import { evaluate, type Shape } from "../dims.ts";
import { Kernels, type Binding, type Handle } from "./kernels.ts";
import { lowerings } from "./lowering.ts";

export class TensorFlowExecutor implements Executor {
  readonly name = "TensorFlow";
  readonly software: string;
  readonly device: Device;
  readonly #kernels: Kernels;

  /** @param software TensorFlow's name and version */
  constructor(binding: Binding, software = "TensorFlow") {
    const kernels = new Kernels(binding);
    this.#kernels = kernels;
    this.software = software;
    this.device = {
      // A copy: the binding's tensors live in the arrays that they are made of.
      put: ({ shape, data }) => kernels.place({ shape, data: data.slice() }),
      get: ({ id }) => kernels.binding.tensorDataSync(id) as Float32Array,
      share: (array) => kernels.run("Identity", [array]),
      free: (array) => kernels.delete(array),
    };
  }

  compile(graph: Graph, { constants = {}, products = "float32" }: CompileOptions = {}): Promise<Program> {
    if (products !== "float32")
      throw new Error(
        `products in ${products} are onnxruntime's: the executor "tensorflow" has float32 and, for all of them, bfloat16`,
      );
    return Promise.resolve(new TensorFlowProgram(graph, this.#kernels, constants));
  }
}

class TensorFlowProgram implements Program {
  readonly #nodes: readonly Node[];
  readonly #graph: Graph;
  readonly #kernels: Kernels;
  /** Times each value is read. */
  readonly #reads = new Map<Value, number>();
  readonly #constants = new Map<string, Handle>();

  constructor(graph: Graph, kernels: Kernels, constants: Readonly<Record<string, HostArray>>) {
    this.#graph = graph;
    this.#kernels = kernels;
    this.#nodes = liveNodes(graph);
    for (const node of this.#nodes) {
      if (node.op.name !== inputOp.name && !(node.op.name in lowerings))
        throw new Error(`the op "${node.op.name}" has no lowering to TensorFlow`);
    }
    for (const value of [...this.#nodes.flatMap((node) => node.inputs), ...graph.outputs.values()])
      this.#reads.set(value, (this.#reads.get(value) ?? 0) + 1);
    // A copy: the binding's tensors live in the arrays that they are made of.
    for (const [name, { shape, data }] of Object.entries(constants))
      this.#constants.set(name, kernels.upload({ shape, data: data.slice() }));
  }

  run(feeds: Feeds): Promise<Record<string, FloatArray>> {
    return this.#compute(feeds, ({ id, shape }) => ({
      shape,
      data: this.#kernels.binding.tensorDataSync(id) as Float32Array,
    }));
  }

  runOnDevice(feeds: Feeds): Promise<Record<string, DeviceArray>> {
    return this.#compute(feeds, (handle) => this.#kernels.run("Identity", [handle]));
  }

  /** @param take makes an output of its handle, which is deleted then */
  async #compute<Output>(feeds: Feeds, take: (output: Handle) => Output): Promise<Record<string, Output>> {
    const kernels = this.#kernels;
    const handles = new Map<Value, Handle>();
    const left = new Map(this.#reads);
    const kept = new Set<Handle>([...this.#constants.values(), ...Object.values(feeds).filter((feed) => "id" in feed)]);
    const drop = (value: Value): void => {
      const handle = handles.get(value);
      if (handle === undefined) return;
      handles.delete(value);
      if (!kept.has(handle)) kernels.delete(handle);
    };
    const read = (value: Value): void => {
      const reads = (left.get(value) ?? 0) - 1;
      left.set(value, reads);
      if (reads <= 0) drop(value);
    };
    try {
      const symbols = this.#symbols(feeds);
      const sizes = (shape: Shape): number[] => shape.map((dim) => evaluate(dim, symbols));
      for (const node of this.#nodes) {
        const results =
          node.op.name === inputOp.name ? [this.#input(node, feeds)] : lower(node, handles, kernels, sizes);
        node.outputs.forEach((value, i) => {
          handles.set(value, results[i] as Handle);
          if (!left.has(value)) drop(value);
        });
        for (const value of node.inputs) read(value);
      }
      return Object.fromEntries(
        [...this.#graph.outputs].map(([name, value]) => [name, take(handles.get(value) as Handle)]),
      );
    } finally {
      for (const value of [...handles.keys()]) drop(value);
    }
  }

  release(): Promise<void> {
    for (const handle of this.#constants.values()) this.#kernels.delete(handle);
    this.#constants.clear();
    return Promise.resolve();
  }

  #input(node: Node, feeds: Feeds): Handle {
    const { name } = node.attributes as { name: string };
    const constant = this.#constants.get(name);
    if (constant !== undefined) return constant;
    const feed = feeds[name];
    if (!feed) throw new Error(`the graph's input "${name}" was not fed`);
    if ("id" in feed) return feed;
    const size = feed.shape.reduce((a, b) => a * b, 1);
    if (feed.data.length !== size)
      throw new Error(`input "${name}": ${feed.data.length} entries for shape [${feed.shape.join(", ")}]`);
    return (this.#reads.get(node.outputs[0] as Value) ?? 0) > 1 && feed.data instanceof Float32Array
      ? this.#kernels.place(feed as FloatArray)
      : this.#kernels.upload(feed);
  }

  /** Named sizes, read off the inputs that have them as an axis. */
  #symbols(feeds: Feeds): Map<string, number> {
    const symbols = new Map<string, number>();
    for (const [name, { shape }] of this.#graph.inputs) {
      shape.forEach((dim, axis) => {
        const size = feeds[name]?.shape[axis];
        if (typeof dim !== "number" && size !== undefined && !symbols.has(dim.key)) symbols.set(dim.key, size);
      });
    }
    return symbols;
  }
}

function lower(
  node: Node,
  handles: ReadonlyMap<Value, Handle>,
  kernels: Kernels,
  sizes: (shape: Shape) => number[],
): readonly Handle[] {
  const inputs = node.inputs.map((value) => handles.get(value) as Handle);
  try {
    return (lowerings[node.op.name] as (typeof lowerings)[string])({ kernels, node, inputs, sizes });
  } catch (cause) {
    const shapes = inputs.map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
    throw new Error(`${node.op.name}(${shapes}) failed on TensorFlow: ${(cause as Error).message}`, { cause });
  }
}
