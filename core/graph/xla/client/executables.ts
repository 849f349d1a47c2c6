/**
 * Compiled programs, by their text: segments that read alike are one. What was compiled is kept in files, for the next
 * process.
 */
import type { PlacedArray } from "../placement.ts";
import type { Pjrt } from "./pjrt.ts";
import type { ExecutableFiles } from "./executable-files.ts";

export interface LoadedProgram {
  readonly executable: bigint;
  /** What it returns. */
  readonly outputs: readonly PlacedArray[];
}

/**
 * CompileOptionsProto { executable_build_options = 3 { num_replicas = 4: 1, num_partitions = 5, and for several devices
 * use_spmd_partitioning = 6: true, use_shardy_partitioner = 19: true } }.
 */
function compileOptions(devices: number): Uint8Array {
  const build = [0x20, 1, 0x28, devices, ...(devices > 1 ? [0x30, 1, 0x98, 1, 1] : [])];
  return Uint8Array.of(0x1a, build.length, ...build);
}

/** How programs were come by. */
export interface CompileCounts {
  /** Compiled in this process, read from files, and asked for again. */
  readonly compiled: number;
  readonly read: number;
  readonly known: number;
  /** Runs at sizes that a graph was run at before, and at others, which may compile. */
  readonly sizesKnown: number;
  readonly sizesNew: number;
}

export class Executables {
  readonly #pjrt: Pjrt;
  readonly #files: ExecutableFiles | null;
  readonly #options: Uint8Array;
  readonly #programs = new Map<string, { readonly program: LoadedProgram; users: number }>();
  readonly #counts = { compiled: 0, read: 0, known: 0, sizesKnown: 0, sizesNew: 0 };

  /** @param files null: nothing is kept beyond the process @param devices that programs run on, fewer than 128 */
  constructor(pjrt: Pjrt, files: ExecutableFiles | null = null, devices = 1) {
    this.#options = compileOptions(devices);
    this.#pjrt = pjrt;
    this.#files = files;
  }

  get counts(): CompileCounts {
    return { ...this.#counts };
  }

  /** Count a run of a graph. */
  ran(isKnown: boolean): void {
    if (isKnown) this.#counts.sizesKnown++;
    else this.#counts.sizesNew++;
  }

  /** The program of a text, compiled if there is none. @throws Error naming the op at fault, with XLA's message */
  get(text: string, outputs: readonly PlacedArray[]): LoadedProgram {
    const known = this.#programs.get(text);
    if (known !== undefined) {
      known.users++;
      this.#counts.known++;
      return known.program;
    }
    const program = { executable: this.#read(text) ?? this.#compile(text), outputs };
    this.#programs.set(text, { program, users: 1 });
    return program;
  }

  release(program: LoadedProgram): void {
    for (const [text, entry] of this.#programs) {
      if (entry.program !== program || --entry.users > 0) continue;
      this.#programs.delete(text);
      this.#pjrt.release(program.executable);
    }
  }

  #read(text: string): bigint | null {
    const bytes = this.#files?.read(text, this.#options) ?? null;
    if (bytes === null) return null;
    try {
      const executable = this.#pjrt.load(bytes);
      this.#counts.read++;
      return executable;
    } catch {
      // Of another build of the plugin, or cut off: it is compiled anew and written over.
      return null;
    }
  }

  #compile(text: string): bigint {
    try {
      const executable = this.#pjrt.compile(text, this.#options);
      this.#counts.compiled++;
      this.#files?.write(text, this.#options, () => this.#pjrt.serialize(executable));
      return executable;
    } catch (cause) {
      throw compileError(cause as Error);
    }
  }
}

/** Programs that one user has, each asked for once, until all are released. */
export class HeldPrograms {
  readonly #executables: Executables;
  readonly #programs = new Map<string, LoadedProgram>();

  constructor(executables: Executables) {
    this.#executables = executables;
  }

  get(text: string, outputs: readonly PlacedArray[]): LoadedProgram {
    const program = this.#programs.get(text) ?? this.#executables.get(text, outputs);
    this.#programs.set(text, program);
    return program;
  }

  release(): void {
    for (const program of this.#programs.values()) this.#executables.release(program);
    this.#programs.clear();
  }
}

/** XLA names the place in the text, which is the op that was written there. */
function compileError(cause: Error): Error {
  const op = /loc\("([^"]+)"/.exec(cause.message)?.[1];
  return new Error(
    `OpenXLA cannot compile ${op === undefined ? "a program" : `the op "${op}"`}: ${cause.message.trim()}`,
    { cause },
  );
}
