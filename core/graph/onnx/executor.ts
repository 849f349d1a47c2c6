/** Runs graphs on onnxruntime-node: the default executor, on any machine that npm installs on. */
import { env, InferenceSession, Tensor } from "onnxruntime-node";
import { availableParallelism } from "node:os";
import { basename, dirname } from "node:path";
import { evaluate, type Shape } from "../dims.ts";
import {
  type CompileOptions,
  type Executor,
  type Feed,
  type Feeds,
  type FileArray,
  type FloatArray,
  type HostArray,
  isFileArray,
  type Program,
} from "../executor.ts";
import type { Graph, Value } from "../graph.ts";
import { forgetPages } from "../../machine/libc.ts";
import { type FedPart, fedParts, partOf } from "./fed-parts.ts";
import { emitOnnx, noOutput, sumInput } from "./emitter.ts";
import { GpuArrays } from "./gpu-arrays.ts";
import type { OnnxDevice } from "./writer.ts";
import type { Stored } from "./stored.ts";
import { int8SumsAreExact } from "./int8-sums.ts";

export interface OnnxExecutorOptions {
  /** Threads inside an op; default: all cores. */
  readonly threads?: number;
  /**
   * Whether threads wait for their next op awake: faster, unless another executor computes at the same time on the same
   * cores. Default true.
   */
  readonly spinning?: boolean;
  /**
   * "webgpu": whatever of a graph has a kernel there runs on the GPU that WebGPU finds, the rest on the processor.
   * Default "cpu".
   */
  readonly device?: OnnxDevice;
}

export class OnnxExecutor implements Executor {
  readonly name: string;
  readonly software = `onnxruntime-node ${env.versions.node}`;
  /**
   * The loop over blocks runs on the processor: on another device it would fetch its arrays from there in every round.
   */
  readonly attendsInBlocks: boolean;
  readonly readsFiles: boolean;
  readonly holdsFrozen: boolean;
  readonly #device: OnnxDevice;
  readonly #options: InferenceSession.SessionOptions;
  /** Null where the processor computes. */
  readonly #gpu: GpuArrays | null;
  /** No other executor computes, so that nobody else has files mapped. */
  readonly #alone: boolean;
  /** The session that read files last. */
  #reading: InferenceSession | null = null;
  /** ONNX models of graphs with constants, which are compiled again with other ones. */
  readonly #models = new WeakMap<Graph, { readonly key: string; readonly model: Uint8Array }>();

  constructor({ threads = availableParallelism(), spinning = true, device = "cpu" }: OnnxExecutorOptions = {}) {
    this.name = device === "cpu" ? "onnxruntime-node" : `onnxruntime-node on ${device}`;
    this.attendsInBlocks = device === "cpu";
    this.#device = device;
    this.readsFiles = device === "cpu";
    this.holdsFrozen = device !== "cpu";
    this.#alone = spinning;
    this.#options = {
      executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
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
    this.#gpu = device === "cpu" ? null : new GpuArrays(this.#options);
  }

  async compile(
    graph: Graph,
    { constants = {}, files = {}, frozen = {}, products: asked = "float32", sums = [] }: CompileOptions = {},
  ): Promise<Program> {
    const products = asked === "int8" && !(await int8SumsAreExact()) ? "uint8" : asked;
    const held = Object.entries(constants).flatMap(([path, array]) =>
      isFileArray(array) ? [] : [{ path, data: bytes(array) }],
    );
    const read = Object.entries({ ...constants, ...files }).flatMap(([name, array]) =>
      isFileArray(array) ? [[name, array] as const] : [],
    );
    const { folder, stored } = storedFiles(new Map(read));
    const parts =
      this.#device === "cpu"
        ? fedParts(graph, (name) => constants[name] === undefined && files[name] === undefined)
        : new Map<Value, FedPart>();
    const key = JSON.stringify([products, sums, held.map(({ path }) => path).sort(), [...stored]]);
    const known = this.#models.get(graph);
    const model =
      known?.key === key
        ? known.model
        : emitOnnx(graph, {
            constants: new Set(held.map(({ path }) => path)),
            files: stored,
            parts,
            products,
            device: this.#device,
            sums,
          });
    if (Object.keys(constants).length > 0) this.#models.set(graph, { key, model });
    if (folder !== null) this.#readBy(null, folder);
    const onGpu: Record<string, Tensor> = {};
    for (const [name, array] of Object.entries(frozen)) onGpu[name] = await this.#onGpu(array);
    const session = await InferenceSession.create(model, {
      ...this.#options,
      ...(graph.passes.constantFolding ? {} : { graphOptimizationLevel: "disabled" as const }),
      ...(held.length > 0 ? { externalData: held, extra: { ...this.#options.extra, optimization: foldsAll } } : {}),
      ...(folder === null ? {} : { extra: withFolder(this.#options.extra, folder, Object.keys(files).length === 0) }),
    });
    return new OnnxProgram(
      session,
      graph,
      { sums, parts: [...parts.values()], frozen: onGpu },
      folder === null ? () => undefined : () => this.#readBy(session, folder),
    );
  }

  #onGpu(array: FloatArray): Promise<Tensor> {
    if (this.#gpu === null) throw new Error(`${this.name} holds no arrays of its own`);
    return this.#gpu.of(array);
  }

  /** Of no effect on the processor. */
  close(): void | Promise<void> {
    return this.#gpu?.release();
  }

  /** Each session maps files for itself: pages that another one has read are given back. */
  #readBy(session: InferenceSession | null, folder: string): void {
    if (session !== null && this.#reading === session) return;
    if (this.#alone) forgetPages(folder);
    this.#reading = session;
  }
}

const bytes = ({ data }: HostArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Where stretches of files are, of the one folder that a session reads. @throws Error where there are several */
function storedFiles(arrays: ReadonlyMap<string, FileArray>): {
  readonly folder: string | null;
  readonly stored: ReadonlyMap<string, Stored>;
} {
  const stored = new Map(
    [...arrays].map(
      ([
        name,
        {
          shape,
          file: { path, offset, type },
        },
      ]) => [name, { location: basename(path), offset, type, shape }],
    ),
  );
  const folders = new Set([...arrays.values()].map(({ file }) => dirname(file.path)));
  if (folders.size > 1)
    throw new Error(`a program reads weights from one folder; these are in ${[...folders].join(" and ")}`);
  return { folder: [...folders][0] ?? null, stored };
}

/** Of weights above 1 GiB too, which onnxruntime computes anew in each run by default. */
const foldsAll = { constant_folding_max_output_size_in_bytes: "0" };

/**
 * Without a copy of what is read: folding would keep weights in float32, joining equal casts would keep them from the
 * pass forward to the pass back, and packing would rearrange them in memory.
 */
const withFolder = (
  extra: InferenceSession.SessionOptions["extra"],
  folder: string,
  copies: boolean,
): Record<string, unknown> => ({
  ...extra,
  session: {
    ...(extra?.["session"] as object),
    model_external_initializers_file_folder_path: folder,
    ...(copies ? {} : { disable_prepacking: "1" }),
  },
  optimization: copies ? foldsAll : { disable_specified_optimizers: "ConstantFolding;CommonSubexpressionElimination" },
});

class OnnxProgram implements Program {
  readonly #session: InferenceSession;
  readonly #graph: Graph;
  readonly #sums: readonly string[];
  readonly #parts: readonly FedPart[];
  readonly #frozen: Readonly<Record<string, Tensor>>;
  readonly #beforeRun: () => void;

  constructor(
    session: InferenceSession,
    graph: Graph,
    {
      sums,
      parts,
      frozen,
    }: {
      readonly sums: readonly string[];
      readonly parts: readonly FedPart[];
      readonly frozen: Readonly<Record<string, Tensor>>;
    },
    beforeRun: () => void,
  ) {
    this.#session = session;
    this.#graph = graph;
    this.#sums = sums;
    this.#parts = parts;
    this.#frozen = frozen;
    this.#beforeRun = beforeRun;
  }

  async run(feeds: Feeds, sums: Readonly<Record<string, FloatArray>> = {}): Promise<Record<string, FloatArray>> {
    const summed = Object.fromEntries(this.#sums.map((name) => [sumInput(name), sums[name] ?? missingSum(name)]));
    const fed: Feeds = { ...feeds, ...summed, ...this.#partsOf(feeds) };
    const tensors: Record<string, Tensor> = {};
    for (const name of this.#session.inputNames) {
      if (this.#frozen[name] !== undefined) {
        tensors[name] = this.#frozen[name];
        continue;
      }
      const feed = fed[name];
      if (!feed) throw new Error(`the graph's input "${name}" was not fed`);
      tensors[name] = tensorOf(name, feed);
    }
    this.#beforeRun();
    if (this.#sums.length > 0) return this.#runInPlace(feeds, tensors);
    const results = await this.#session.run(tensors);
    return Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [name, { shape: dims, data: data as Float32Array }]),
    );
  }

  #partsOf(feeds: Feeds): Feeds {
    return Object.fromEntries(
      this.#parts.flatMap((part) => {
        const whole = feeds[part.input];
        return whole === undefined || "id" in whole ? [] : [[part.name, partOf(whole, part)]];
      }),
    );
  }

  /**
   * The binding lets kernels write into tensors that it is given as outputs. It then makes a copy of each all the same,
   * one after the other, until it meets one that it cannot copy: a sequence, which therefore comes first. Sums are
   * written over what they are sums with, the other outputs into arrays made here.
   */
  async #runInPlace(feeds: Feeds, tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, FloatArray>> {
    const others: Record<string, FloatArray> = {};
    const written: Record<string, Tensor | null> = { [noOutput]: null };
    const symbols = symbolsOf(this.#graph, feeds);
    for (const [name, { shape }] of this.#graph.outputs) {
      if (this.#sums.includes(name)) {
        written[name] = tensors[sumInput(name)] as Tensor;
        continue;
      }
      others[name] = emptyArray(shape, symbols);
      written[name] = tensorOf(name, others[name]);
    }
    try {
      await this.#session.run(tensors, written);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith(cannotCopy))) throw error;
    }
    return others;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** How the binding's error begins when an output is a sequence. */
const cannotCopy = "Non tensor type";

function missingSum(name: string): never {
  throw new Error(`the program adds its output "${name}" to an array, and was given none`);
}

/** Values of the named sizes that are axes of what is fed. */
export function symbolsOf(graph: Graph, feeds: Feeds): Map<string, number> {
  const values = new Map<string, number>();
  for (const [name, { shape }] of graph.inputs) {
    shape.forEach((dim, axis) => {
      const size = feeds[name]?.shape[axis];
      if (typeof dim !== "number" && size !== undefined) values.set(dim.key, size);
    });
  }
  return values;
}

function emptyArray(shape: Shape, symbols: ReadonlyMap<string, number>): FloatArray {
  const sizes = shape.map((dim) => evaluate(dim, symbols));
  return { shape: sizes, data: new Float32Array(sizes.reduce((a, b) => a * b, 1)) };
}

function tensorOf(name: string, feed: Feed): Tensor {
  if ("id" in feed) throw new Error(`input "${name}" is an array of another executor's device`);
  const { data, shape } = feed;
  const size = shape.reduce((a, b) => a * b, 1);
  if (data.length !== size) throw new Error(`input "${name}": ${data.length} entries for shape [${shape.join(", ")}]`);
  return data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("int32", data, shape);
}
