/** Arrays in the memory of a device, each freed when the last who holds it lets it go. */
import type { Device, DeviceArray, FloatArray, HostArray } from "../executor.ts";
import type { Executables, LoadedProgram } from "./executables.ts";
import type { Pjrt } from "./pjrt.ts";
import type { ArrayType } from "./pjrt-functions.ts";
import { filledText, uniformText } from "./random-arrays.ts";
import { entries } from "./writer.ts";

/** One hold on an array. */
export interface Held extends ArrayType {
  readonly buffer: bigint;
  /** Whether nobody else holds the array. */
  readonly isAlone: () => boolean;
  /** Hold the array once more. */
  again(): Held;
  release(): void;
}

export class Memory implements Device {
  readonly #pjrt: Pjrt;
  readonly #arrays = new Map<number, Held>();
  #ids = 0;

  readonly #executables: Executables;

  /** @param executables of the programs that make arrays there */
  constructor(pjrt: Pjrt, executables: Executables) {
    this.#pjrt = pjrt;
    this.#executables = executables;
  }

  /** Arrays that somebody holds by number. */
  get arrays(): number {
    return this.#arrays.size;
  }

  put(array: FloatArray): DeviceArray {
    return this.#array(this.hold(array));
  }

  get({ id, shape }: DeviceArray): Float32Array {
    return this.fetch(this.#arrays.get(id)!, new Float32Array(entries(shape)));
  }

  share({ id }: DeviceArray): DeviceArray {
    return this.#array(this.#arrays.get(id)!.again());
  }

  free({ id }: DeviceArray): void {
    this.#arrays.get(id)?.release();
    this.#arrays.delete(id);
  }

  filled(shape: readonly number[], value: number, type: "f32" | "bf16" = "f32"): DeviceArray {
    return this.#made(filledText(shape, type), { shape, type }, [{ shape: [], data: Float32Array.of(value) }]);
  }

  random(
    shape: readonly number[],
    { deviation, seed }: { readonly deviation: number; readonly seed: number },
  ): DeviceArray {
    return this.#made(uniformText(shape), { shape, type: "f32" }, [
      { shape: [], data: Int32Array.of(seed) },
      { shape: [], data: Float32Array.of(deviation) },
    ]);
  }

  /** A copy here. @param into as many numbers of the array's type */
  fetch<T extends Float32Array | Int32Array>({ buffer }: Held, into: T): T {
    return this.#pjrt.get(buffer, into);
  }

  /** An array of the host's, copied there. */
  hold({ shape, data }: HostArray): Held {
    const type = data instanceof Int32Array ? "i32" : "f32";
    return counted(this.#pjrt, this.#pjrt.put(data, shape, type), { shape, type });
  }

  /** One more hold on an array that has a number. @throws Error where it was freed or is another executor's */
  held({ id }: DeviceArray, input: string): Held {
    return this.#known(id, input).again();
  }

  /** The array's own hold: its number is of no more use. @throws Error where it was freed or is another executor's */
  take({ id }: DeviceArray, input: string): Held {
    const held = this.#known(id, input);
    this.#arrays.delete(id);
    return held;
  }

  /** A number for an array; the hold is the number's. */
  number(held: Held): DeviceArray {
    return this.#array(held);
  }

  /** A number for an array, which is held once more for it. */
  array(held: Held): DeviceArray {
    return this.#array(held.again());
  }

  /** Start a program; its outputs, each held once. */
  run({ executable, outputs }: LoadedProgram, inputs: readonly Held[]): Held[] {
    const [buffers] = this.#pjrt.execute(executable, [inputs.map(({ buffer }) => buffer)], outputs.length) as [
      bigint[],
    ];
    return buffers.map((buffer, i) => counted(this.#pjrt, buffer, outputs[i]!));
  }

  #made(text: string, made: ArrayType, feeds: readonly HostArray[]): DeviceArray {
    const inputs = feeds.map((feed) => this.hold(feed));
    try {
      return this.#array(this.run(this.#executables.get(text, [made]), inputs)[0]!);
    } finally {
      for (const input of inputs) input.release();
    }
  }

  #known(id: number, input: string): Held {
    const known = this.#arrays.get(id);
    if (known === undefined)
      throw new Error(`input "${input}" is an array that was freed, or one of another executor's device`);
    return known;
  }

  #array(held: Held): DeviceArray {
    const id = ++this.#ids;
    this.#arrays.set(id, held);
    return { id, shape: held.shape };
  }
}

function counted(pjrt: Pjrt, buffer: bigint, { shape, type }: ArrayType): Held {
  let holds = 0;
  const isAlone = (): boolean => holds === 1;
  const hold = (): Held => {
    holds++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      if (--holds === 0) pjrt.free(buffer);
    };
    return { buffer, shape, type, isAlone, again: hold, release };
  };
  return hold();
}
