/** Arrays in the memory of the GPU that WebGPU computes on: each is put there once, for all sessions of an executor. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { symbol } from "../dims.ts";
import type { FloatArray } from "../executor.ts";
import { Graph } from "../graph.ts";
import { emitOnnx } from "./emitter.ts";

/**
 * The binding makes no array on the GPU, but leaves a session's outputs there, which other sessions then read. They are
 * read there alone: its download ends the process (1.30).
 */
export class GpuArrays {
  readonly #options: InferenceSession.SessionOptions;
  /** Sessions that return what they are fed, by its rank. They own the memory. */
  readonly #sessions = new Map<number, Promise<InferenceSession>>();
  readonly #tensors = new Map<FloatArray, Promise<Tensor>>();

  constructor(options: InferenceSession.SessionOptions) {
    this.#options = options;
  }

  /** An array that does not change, there. */
  of(array: FloatArray): Promise<Tensor> {
    const known = this.#tensors.get(array);
    if (known !== undefined) return known;
    const put = this.#put(array);
    this.#tensors.set(array, put);
    return put;
  }

  async #put({ shape, data }: FloatArray): Promise<Tensor> {
    const session = await this.#session(shape.length);
    const { held } = await session.run({ array: new Tensor("float32", data, shape) });
    return held as Tensor;
  }

  #session(rank: number): Promise<InferenceSession> {
    const known = this.#sessions.get(rank);
    if (known !== undefined) return known;
    const graph = new Graph();
    graph.output(
      "held",
      graph.input(
        "array",
        Array.from({ length: rank }, (_, axis) => symbol(`size ${axis}`)),
      ),
    );
    const made = InferenceSession.create(emitOnnx(graph), {
      ...this.#options,
      preferredOutputLocation: { held: "gpu-buffer" },
    });
    this.#sessions.set(rank, made);
    return made;
  }

  async release(): Promise<void> {
    // What could not be put there has told whoever asked for it.
    for (const tensor of await Promise.allSettled(this.#tensors.values()))
      if (tensor.status === "fulfilled") tensor.value.dispose();
    for (const session of await Promise.allSettled(this.#sessions.values()))
      if (session.status === "fulfilled") await session.value.release();
    this.#tensors.clear();
    this.#sessions.clear();
  }
}
