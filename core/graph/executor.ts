/**
 * The executors' port: compile a graph once, run it on arrays of any sizes that fit its symbols, which may stay where
 * the executor computes.
 */
import type { Graph } from "./graph.ts";

/** An array in host memory, row-major. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** How numbers of a tensor in a file are kept, in safetensors' names; little-endian. */
export type FileType = "F32" | "F16" | "BF16";

/** An array in a file, row-major, from a byte on; `data` reads it, widened to float32, each time it is asked for. */
export interface FileArray extends HostArray {
  readonly file: { readonly path: string; readonly offset: number; readonly type: FileType };
  /** The patterns of an array in bfloat16, read each time. @throws Error where it is of another type */
  bits(): Uint16Array;
}

export const isFileArray = (array: HostArray): array is FileArray => "file" in array;

/** A float32 array in an executor's own memory, where it stays, unchanged, until it is freed. */
export interface DeviceArray {
  readonly id: number;
  readonly shape: readonly number[];
}

/** The memory of an executor that can keep arrays from one run to the next. Whoever is given an array frees it. */
export interface Device {
  /**
   * A copy there of an array here; of one in a file in bfloat16 the executor may keep that, and widens it where it is
   * read.
   */
  put(array: FloatArray): DeviceArray;
  /** A copy here of an array there. */
  get(array: DeviceArray): Float32Array;
  /** The same array once more, freed on its own. */
  share(array: DeviceArray): DeviceArray;
  free(array: DeviceArray): void;
  /** The same number in every place, made there. Absent: put it there. */
  filled?(shape: readonly number[], value: number): DeviceArray;
  /** Numbers uniform around 0, made there; equal seeds give equal numbers. Absent: put them there. */
  random?(shape: readonly number[], options: { readonly deviation: number; readonly seed: number }): DeviceArray;
}

/** Zeros on a device. */
export function zerosOn(device: Device, shape: readonly number[]): DeviceArray {
  return device.filled?.(shape, 0) ?? device.put({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
}

/** What an input is fed; a DeviceArray is the program's own executor's. */
export type Feed = HostArray | DeviceArray;
export type Feeds = Readonly<Record<string, Feed>>;

export interface Program {
  /**
   * Feed every input by name; returns every output by name, but for those it was compiled to sum up: they are added to
   * the arrays of `sums`.
   */
  run(feeds: Feeds, sums?: Readonly<Record<string, FloatArray>>): Promise<Record<string, FloatArray>>;
  /**
   * The same, the outputs left on the executor's device; only where it has one. Arrays of `sums` are taken over, as are
   * those of inputs whose place an output takes (CompileOptions.replaced): they are gone, and what was added to them is
   * returned.
   */
  runOnDevice?(feeds: Feeds, sums?: Readonly<Record<string, DeviceArray>>): Promise<Record<string, DeviceArray>>;
  /**
   * Run on each of the executor's devices at once, each with feeds of its own, of equal sizes, beside those of all.
   * Sums are over all devices; all other outputs come to the host, for each device. Present where the executor has
   * `devices`; of one device it is an error.
   */
  runOnEach?(
    own: readonly Readonly<Record<string, HostArray>>[],
    feeds: Feeds,
    sums?: Readonly<Record<string, DeviceArray>>,
  ): Promise<{ readonly own: Record<string, FloatArray>[]; readonly sums: Record<string, DeviceArray> }>;
  /** Free what the program holds; it cannot run again. */
  release(): Promise<void>;
}

/** Run a program, its outputs left on the device. @throws Error where its executor has none */
export function runOnDevice(
  program: Program,
  feeds: Feeds,
  sums: Readonly<Record<string, DeviceArray>> = {},
): Promise<Record<string, DeviceArray>> {
  if (program.runOnDevice === undefined) throw new Error("this executor leaves nothing on a device");
  return program.runOnDevice(feeds, sums);
}

/** Outputs are always float32. */
export interface FloatArray extends HostArray {
  readonly data: Float32Array;
}

export interface CompileOptions {
  /**
   * Arrays of inputs that stay as they are now for the life of the program: it may rearrange them for speed, keeps a
   * copy, and is not fed them.
   */
  readonly constants?: Readonly<Record<string, HostArray>>;
  /**
   * Inputs whose arrays are read where they are in files, all of one folder, and widened to float32 at each use: none
   * is fed, and no copy is kept. Only where `readsFiles`.
   */
  readonly files?: Readonly<Record<string, FileArray>>;
  /**
   * Inputs whose arrays never change: none is fed, and the executor holds one copy of each for all its programs. Only
   * where `holdsFrozen`.
   */
  readonly frozen?: Readonly<Record<string, FloatArray>>;
  /**
   * Outputs of fixed sizes, gradients of several passes say, that each run adds to arrays it is given instead of
   * returning them, so that they exist once. An executor with a device adds to arrays there if it can write over them,
   * and is not asked for it otherwise.
   */
  readonly sums?: readonly string[];
  /**
   * Outputs, by name, and the inputs of the same shape whose arrays on the device they take the place of, so that an
   * update needs no second copy of what it updates. An array that somebody else holds too (`Device.share`) stays as it
   * is for them. Only where arrays can be written over.
   */
  readonly replaced?: Readonly<Record<string, string>>;
  /**
   * "int8": factors of the op `linear` are rounded to 8 bits, weights by output (symmetric), rows by the largest and
   * smallest number of all; sums are exact. Default "float32".
   */
  readonly products?: Products;
}

export interface LoopOptions {
  /** Inputs of which each round is fed another part: what is fed has the number of rounds as an axis in front. */
  readonly parts: readonly string[];
  /** Inputs, and the output that the next round is fed instead, of one shape and type. */
  readonly carried: Readonly<Record<string, string>>;
}

/** A graph run for several rounds without coming back to the host between them. */
export interface Loop {
  /** Zeros to begin with, in the type in which carried arrays are kept. */
  zeros(shape: readonly number[]): DeviceArray;
  /**
   * What of other inputs' arrays can be computed once for many runs: fed to `run` instead of them, and released with
   * `release`. Inputs that change from run to run are fed to `run` itself.
   */
  prepare(feeds: Feeds): Promise<Prepared>;
  /**
   * So many rounds. Carried arrays on the device are taken over; those of the last round are returned, and all other
   * outputs [rounds, …].
   */
  run(
    rounds: number,
    prepared: Prepared,
    feeds: Feeds,
  ): Promise<{ readonly carried: Record<string, DeviceArray>; readonly outputs: Record<string, FloatArray> }>;
  release(): Promise<void>;
}

export interface Prepared {
  release(): void;
}

export type Products = "float32" | "int8";

export interface ProgramRuns {
  readonly all: number;
  readonly atKnownSizes: number;
}

export interface Executor {
  readonly name: string;
  /** The library that computes, with its version, for a run's record. Absent: it is not known. */
  readonly software?: string;
  /** Absent where programs compute on the host's memory itself. */
  readonly device?: Device;
  /**
   * Programs are compiled for each set of sizes that they are run at: who feeds them pads to few sizes
   * (math/bucket.ts).
   */
  readonly fixedSizes?: boolean;
  /** Runs so far, and those of them at sizes that a program had been run at before. Present with `fixedSizes`. */
  readonly runs?: ProgramRuns;
  /** How many devices compute side by side. Absent: one. */
  readonly devices?: number;
  /** Arrays on the device can be written over: programs have `sums` and `replaced` inputs there. */
  readonly writesOver?: boolean;
  /** Whether it holds arrays that never change in memory of its own, though it has no `device`. Default false. */
  readonly holdsFrozen?: boolean;
  /** Whether it takes arrays from files. Default false. */
  readonly readsFiles?: boolean;
  /**
   * Whether it runs the op `blockAttention`, which attention of long rows is traced with; else they are attended whole.
   * With `fixedSizes` in tiles (model/rows/attention-blocks.ts). Default false.
   */
  readonly attendsInBlocks?: boolean;
  /** @throws Error where the executor has no such products */
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
  /** For programs that run a graph in a loop. Absent: rounds are run one by one. */
  compileLoop?(graph: Graph, options: LoopOptions): Promise<Loop>;
  /**
   * Let go of the process's library; nothing that was compiled runs afterwards. Absent where there is nothing to let go
   * of.
   */
  close?(): void | Promise<void>;
}
