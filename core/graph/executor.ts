/** The executors' port: compile a graph once, run it on arrays of any sizes that fit its symbols, which may stay where the executor computes. */
import type { Graph } from "./graph.ts";

/** An array in host memory, row-major. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** A float32 array in an executor's own memory, where it stays, unchanged, until it is freed. */
export interface DeviceArray {
  readonly id: number;
  readonly shape: readonly number[];
}

/** The memory of an executor that can keep arrays from one run to the next. Whoever is given an array frees it. */
export interface Device {
  /** A copy there of an array here. */
  put(array: FloatArray): DeviceArray;
  /** A copy here of an array there. */
  get(array: DeviceArray): Float32Array;
  /** The same array once more, freed on its own. */
  share(array: DeviceArray): DeviceArray;
  free(array: DeviceArray): void;
}

/** What an input is fed; a DeviceArray is the program's own executor's. */
export type Feed = HostArray | DeviceArray;
export type Feeds = Readonly<Record<string, Feed>>;

export interface Program {
  /** Feed every input by name; returns every output by name, but for those it was compiled to sum up: they are added to the arrays of `sums`. */
  run(feeds: Feeds, sums?: Readonly<Record<string, FloatArray>>): Promise<Record<string, FloatArray>>;
  /** The same, the outputs left on the executor's device; only where it has one. */
  runOnDevice?(feeds: Feeds): Promise<Record<string, DeviceArray>>;
  /** Free what the program holds; it cannot run again. */
  release(): Promise<void>;
}

/** Run a program, its outputs left on the device. @throws Error where its executor has none */
export function runOnDevice(program: Program, feeds: Feeds): Promise<Record<string, DeviceArray>> {
  if (program.runOnDevice === undefined) throw new Error("this executor leaves nothing on a device");
  return program.runOnDevice(feeds);
}

/** Outputs are always float32. */
export interface FloatArray extends HostArray {
  readonly data: Float32Array;
}

export interface CompileOptions {
  /** Arrays of inputs that stay as they are now for the life of the program: it may rearrange them for speed, keeps a copy, and is not fed them. */
  readonly constants?: Readonly<Record<string, HostArray>>;
  /**
   * Outputs of fixed sizes, gradients of several passes say, that each run adds to arrays it is given instead of returning them, so that they exist once. An
   * executor with a device keeps sums there and is not asked for it.
   */
  readonly sums?: readonly string[];
  /**
   * "int8": factors of the op `linear` are rounded to 8 bits, weights by output (symmetric), rows by the largest and smallest number of all; sums are exact.
   * Default "float32".
   */
  readonly products?: Products;
}

export type Products = "float32" | "int8";

export interface Executor {
  readonly name: string;
  /** Absent where programs compute on the host's memory itself. */
  readonly device?: Device;
  /** @throws Error where the executor has no such products */
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
  /** Let go of the process's library; nothing that was compiled runs afterwards. Absent where there is nothing to let go of. */
  close?(): void;
}
