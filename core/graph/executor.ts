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

export interface Executor {
  readonly name: string;
  compile(graph: Graph): Promise<Program>;
}
