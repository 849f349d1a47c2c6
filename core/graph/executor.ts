/** The executors' port: compile a graph once, run it on arrays of any sizes that fit its symbols. */
import type { Graph } from "./graph.ts";

/** An array in host memory, row-major. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

export interface Program {
  /** Feed every input by name; returns every output by name. */
  run(feeds: Readonly<Record<string, HostArray>>): Promise<Record<string, FloatArray>>;
  /** Free what the program holds; it cannot run again. */
  release(): Promise<void>;
}

/** Outputs are always float32. */
export interface FloatArray extends HostArray {
  readonly data: Float32Array;
}

export interface CompileOptions {
  /** Arrays of inputs that stay as they are now for the life of the program: it may rearrange them for speed, keeps a copy, and is not fed them. */
  readonly constants?: Readonly<Record<string, HostArray>>;
  /**
   * "int8": factors of the op `linear` are rounded to 8 bits, weights by output (symmetric), rows by the largest and smallest number of all; sums are exact.
   * Default "float32".
   */
  readonly products?: Products;
}

export type Products = "float32" | "int8";

export interface Executor {
  readonly name: string;
  /** @throws Error where the executor has no such products */
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
}
