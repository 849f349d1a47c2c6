/** Arrays in the memory of a device, each freed when the last who holds it lets it go. */
import { type Device, type DeviceArray, type FloatArray, type HostArray, isFileArray } from "../../executor.ts";
import type { Executables, LoadedProgram } from "./executables.ts";
import type { Pjrt } from "./pjrt.ts";
import { Mesh, type Numbers, type PlacedArray, type Placement } from "../placement.ts";
import { filledText, uniformText } from "../random-arrays.ts";
import { entries } from "../writer.ts";

/** One hold on an array. */
export interface Held extends PlacedArray {
  /** What each device has of it. */
  readonly buffers: readonly bigint[];
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
  readonly mesh: Mesh;

  /** @param executables of the programs that make arrays there @param mesh the devices that they run on */
  constructor(pjrt: Pjrt, executables: Executables, mesh = new Mesh()) {
    this.#pjrt = pjrt;
    this.#executables = executables;
    this.mesh = mesh;
  }

  /** Arrays that somebody holds by number. */
  get arrays(): number {
    return this.#arrays.size;
  }

  put(array: FloatArray): DeviceArray {
    const placement = this.mesh.kept(array.shape);
    if (!isFileArray(array) || array.file.type !== "BF16") return this.#array(this.hold(array, placement));
    return this.#array(
      this.#hold(this.mesh.split({ shape: array.shape, data: array.bits() }, placement), array.shape, placement),
    );
  }

  get({ id, shape }: DeviceArray): Float32Array {
    if (this.#arrays.get(id)!.type === "bf16")
      return widened(this.fetch(this.#arrays.get(id)!, new Uint16Array(entries(shape))));
    return this.fetch(this.#arrays.get(id)!, new Float32Array(entries(shape)));
  }

  /** Where each device has its part of an array: the same after a program that wrote over it. */
  addresses({ id }: DeviceArray): readonly bigint[] {
    return this.#arrays.get(id)!.buffers.map((buffer) => this.#pjrt.addressOf(buffer));
  }

  share({ id }: DeviceArray): DeviceArray {
    return this.#array(this.#arrays.get(id)!.again());
  }

  free({ id }: DeviceArray): void {
    this.#arrays.get(id)?.release();
    this.#arrays.delete(id);
  }

  filled(
    shape: readonly number[],
    value: number,
    type: "f32" | "bf16" = "f32",
    placement = this.mesh.kept(shape),
  ): DeviceArray {
    return this.#made(filledText(shape, type, { mesh: this.mesh, placement }), { shape, type, placement }, [
      { shape: [], data: Float32Array.of(value) },
    ]);
  }

  random(
    shape: readonly number[],
    { deviation, seed }: { readonly deviation: number; readonly seed: number },
  ): DeviceArray {
    const placement = this.mesh.kept(shape);
    return this.#made(uniformText(shape, { mesh: this.mesh, placement }), { shape, type: "f32", placement }, [
      { shape: [], data: Int32Array.of(seed) },
      { shape: [], data: Float32Array.of(deviation) },
    ]);
  }

  /** A copy here. @param into as many numbers of the array's type: of all devices', where each has its own */
  fetch<T extends Numbers>({ buffers, shape, placement }: Held, into: T): T {
    if (buffers.length === 1 || placement === "whole") return this.#pjrt.get(buffers[0]!, into);
    const size = entries(this.mesh.part(shape, placement));
    const parts = buffers.map((buffer) => this.#pjrt.get(buffer, into.slice(0, size) as T));
    return this.mesh.join(parts, shape, placement, into);
  }

  /** An array of the host's, copied there. */
  hold(array: HostArray, placement: Placement = "whole"): Held {
    return this.#hold(this.mesh.split(array, placement), array.shape, placement);
  }

  /** An array for each device. */
  holdEach(arrays: readonly HostArray[]): Held {
    return this.#hold(
      arrays.map(({ data }) => data),
      arrays[0]!.shape,
      "own",
    );
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
    const given = Array.from({ length: this.mesh.devices }, (_, device) =>
      inputs.map(({ buffers }) => buffers[device]!),
    );
    const made = this.#pjrt.execute(executable, given, outputs.length);
    return outputs.map((output, i) =>
      counted(
        this.#pjrt,
        made.map((list) => list[i]!),
        output,
      ),
    );
  }

  #hold(parts: readonly Numbers[], shape: readonly number[], placement: Placement): Held {
    const type = parts[0] instanceof Int32Array ? "i32" : parts[0] instanceof Uint16Array ? "bf16" : "f32";
    const part = this.mesh.part(shape, placement);
    const buffers = parts.map((data, device) => this.#pjrt.put(data, part, type, device));
    return counted(this.#pjrt, buffers, { shape, type, placement });
  }

  #made(text: string, made: PlacedArray, feeds: readonly HostArray[]): DeviceArray {
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
    return { id, shape: this.mesh.all(held.shape, held.placement) };
  }
}

function widened(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (pattern) => pattern << 16).buffer);
}

function counted(pjrt: Pjrt, buffers: readonly bigint[], { shape, type, placement }: PlacedArray): Held {
  let holds = 0;
  const isAlone = (): boolean => holds === 1;
  const hold = (): Held => {
    holds++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      if (--holds === 0) for (const buffer of buffers) pjrt.free(buffer);
    };
    return { buffers, shape, type, placement, isAlone, again: hold, release };
  };
  return hold();
}
