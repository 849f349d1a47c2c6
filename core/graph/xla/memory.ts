/** Arrays in the memory of a device, each freed when the last who holds it lets it go. */
import type { Device, DeviceArray, FloatArray, HostArray } from "../executor.ts";
import type { LoadedProgram } from "./executables.ts";
import type { Pjrt } from "./pjrt.ts";
import { entries } from "./writer.ts";

/** One hold on an array. */
export interface Held {
  readonly buffer: bigint;
  readonly shape: readonly number[];
  /** Hold the array once more. */
  again(): Held;
  release(): void;
}

export class Memory implements Device {
  readonly #pjrt: Pjrt;
  readonly #arrays = new Map<number, Held>();
  #ids = 0;

  constructor(pjrt: Pjrt) {
    this.#pjrt = pjrt;
  }

  /** Arrays that somebody holds by number. */
  get arrays(): number {
    return this.#arrays.size;
  }

  put(array: FloatArray): DeviceArray {
    return this.#array(this.hold(array));
  }

  get({ id, shape }: DeviceArray): Float32Array {
    return this.#pjrt.get(this.#arrays.get(id)!.buffer, new Float32Array(entries(shape)));
  }

  share({ id }: DeviceArray): DeviceArray {
    return this.#array(this.#arrays.get(id)!.again());
  }

  free({ id }: DeviceArray): void {
    this.#arrays.get(id)?.release();
    this.#arrays.delete(id);
  }

  /** An array of the host's, copied there. */
  hold({ shape, data }: HostArray): Held {
    return counted(this.#pjrt, this.#pjrt.put(data, shape, data instanceof Int32Array ? "i32" : "f32"), shape);
  }

  /** One more hold on an array that has a number. @throws Error where it was freed or is another executor's */
  held({ id }: DeviceArray, input: string): Held {
    const known = this.#arrays.get(id);
    if (known === undefined) throw new Error(`input "${input}" is an array that was freed, or one of another executor's device`);
    return known.again();
  }

  /** A number for an array, which is held once more for it. */
  array(held: Held): DeviceArray {
    return this.#array(held.again());
  }

  /** Start a program; its outputs, each held once. */
  run({ executable, outputs }: LoadedProgram, inputs: readonly Held[]): Held[] {
    const [buffers] = this.#pjrt.execute(executable, [inputs.map(({ buffer }) => buffer)], outputs.length) as [bigint[]];
    return buffers.map((buffer, i) => counted(this.#pjrt, buffer, outputs[i]!));
  }

  #array(held: Held): DeviceArray {
    const id = ++this.#ids;
    this.#arrays.set(id, held);
    return { id, shape: held.shape };
  }
}

function counted(pjrt: Pjrt, buffer: bigint, shape: readonly number[]): Held {
  let holds = 0;
  const hold = (): Held => {
    holds++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      if (--holds === 0) pjrt.free(buffer);
    };
    return { buffer, shape, again: hold, release };
  };
  return hold();
}
