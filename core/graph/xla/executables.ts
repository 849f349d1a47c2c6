/** Compiled programs, by their text: segments that read alike are one. */
import type { Pjrt } from "./pjrt.ts";

export interface LoadedProgram {
  readonly executable: bigint;
  /** Shapes of what it returns. */
  readonly outputs: readonly (readonly number[])[];
}

/** CompileOptionsProto { executable_build_options = 3 { num_replicas = 4: 1, num_partitions = 5: 1 } }. */
const oneDevice = Uint8Array.of(0x1a, 4, 0x20, 1, 0x28, 1);

export class Executables {
  readonly #pjrt: Pjrt;
  readonly #programs = new Map<string, { readonly program: LoadedProgram; users: number }>();

  constructor(pjrt: Pjrt) {
    this.#pjrt = pjrt;
  }

  /** The program of a text, compiled if there is none. @throws Error naming the op at fault, with XLA's message */
  get(text: string, outputs: readonly (readonly number[])[]): LoadedProgram {
    const known = this.#programs.get(text);
    if (known !== undefined) {
      known.users++;
      return known.program;
    }
    const program = { executable: this.#compile(text), outputs };
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

  #compile(text: string): bigint {
    try {
      return this.#pjrt.compile(text, oneDevice);
    } catch (cause) {
      throw compileError(cause as Error);
    }
  }
}

/** XLA names the place in the text, which is the op that was written there. */
function compileError(cause: Error): Error {
  const op = /loc\("([^"]+)"/.exec(cause.message)?.[1];
  return new Error(`OpenXLA cannot compile ${op === undefined ? "a program" : `the op "${op}"`}: ${cause.message.trim()}`, { cause });
}
