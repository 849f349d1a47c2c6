/** Runs graphs on onnxruntime-node: the default executor, on any machine that npm installs on. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { availableParallelism } from "node:os";
import type { CompileOptions, Executor, Feed, Feeds, FloatArray, Program } from "../executor.ts";
import type { Graph } from "../graph.ts";
import { emitOnnx } from "./emitter.ts";
import { int8SumsAreExact } from "./int8-sums.ts";

export interface OnnxExecutorOptions {
  /** Threads inside an op; default: all cores. */
  readonly threads?: number;
  /** Whether threads wait for their next op awake: faster, unless another executor computes at the same time on the same cores. Default true. */
  readonly spinning?: boolean;
}

export class OnnxExecutor implements Executor {
  readonly name = "onnxruntime-node";
  readonly #options: InferenceSession.SessionOptions;
  /** ONNX models of graphs with constants, which are compiled again with other ones. */
  readonly #models = new WeakMap<Graph, { readonly key: string; readonly model: Uint8Array }>();

  constructor({ threads = availableParallelism(), spinning = true }: OnnxExecutorOptions = {}) {
    this.#options = {
      intraOpNumThreads: threads,
      executionMode: "sequential",
      // Lengths change from run to run: arenas and patterns would keep the largest of everything.
      enableCpuMemArena: false,
      enableMemPattern: false,
      // "all" fuses x · sigmoid(x) into a slower kernel.
      graphOptimizationLevel: "basic",
      logSeverityLevel: 3,
      // Two live sessions whose threads spin between runs take the cores from each other.
      extra: { session: { intra_op: { allow_spinning: spinning ? "1" : "0" }, force_spinning_stop: "1" } },
    };
  }

  async compile(graph: Graph, { constants = {}, products: asked = "float32" }: CompileOptions = {}): Promise<Program> {
    const products = asked === "int8" && !(await int8SumsAreExact()) ? "uint8" : asked;
    const externalData = Object.entries(constants).map(([path, { data }]) => ({ path, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }));
    const key = [products, ...Object.keys(constants).sort()].join("\n");
    const known = this.#models.get(graph);
    const model = known?.key === key ? known.model : emitOnnx(graph, new Set(Object.keys(constants)), products);
    if (externalData.length > 0) this.#models.set(graph, { key, model });
    const folding = graph.passes.constantFolding ? {} : { graphOptimizationLevel: "disabled" as const };
    const session = await InferenceSession.create(model, { ...this.#options, ...folding, ...(externalData.length > 0 ? { externalData } : {}) });
    return new OnnxProgram(session);
  }
}

class OnnxProgram implements Program {
  readonly #session: InferenceSession;

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  async run(feeds: Feeds): Promise<Record<string, FloatArray>> {
    const tensors: Record<string, Tensor> = {};
    for (const name of this.#session.inputNames) {
      const feed = feeds[name];
      if (!feed) throw new Error(`the graph's input "${name}" was not fed`);
      tensors[name] = tensorOf(name, feed);
    }
    const results = await this.#session.run(tensors);
    return Object.fromEntries(Object.entries(results).map(([name, { data, dims }]) => [name, { shape: dims, data: data as Float32Array }]));
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function tensorOf(name: string, feed: Feed): Tensor {
  if ("id" in feed) throw new Error(`input "${name}" is an array of another executor's device`);
  const { data, shape } = feed;
  const size = shape.reduce((a, b) => a * b, 1);
  if (data.length !== size) throw new Error(`input "${name}": ${data.length} entries for shape [${shape.join(", ")}]`);
  return data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("int32", data, shape);
}
