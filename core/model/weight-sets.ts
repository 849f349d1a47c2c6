/**
 * Named sets of the weights that are trained, and beside them the frozen ones, of which there is one copy for all sets.
 * Where the executor has a device they are kept there too, so that passes and updates move none of them; what is newer
 * on one side is brought to the other when it is asked for.
 */
import type { Device, DeviceArray, Executor, Feed, FloatArray } from "../graph/executor.ts";
import { add, affine } from "../graph/ops/index.ts";
import { Programs } from "../graph/programs.ts";
import type { Weights } from "./model.ts";

interface WeightSet {
  /** Trained weights alone; in the frozen set, the frozen ones. */
  readonly host: Weights;
  readonly onDevice: Map<string, DeviceArray>;
  /** Parameters whose values on the device are newer than the host's. */
  readonly newer: Set<string>;
}

/** The weights that are trained and sampled from. */
export const currentWeights = "current";

/**
 * Arrays of the host's, or of the executor's device: those are the set's from then on, and the host has a copy when it
 * is asked for.
 */
export type InitialWeights = ReadonlyMap<string, FloatArray | DeviceArray>;

function setOf(weights: InitialWeights): WeightSet {
  const onDevice = new Map([...weights].flatMap(([name, array]) => ("id" in array ? [[name, array] as const] : [])));
  const host = new Map(
    [...weights].map(([name, array]) => [name, "id" in array ? lateArray(array.shape) : array] as const),
  );
  return { host, onDevice, newer: new Set(onDevice.keys()) };
}

export class WeightSets {
  readonly #device: Device | undefined;
  readonly #programs: Programs;
  readonly #sets = new Map<string, WeightSet>();
  readonly #frozen: WeightSet;

  /** @param frozen weights that never change: every set reads them, none copies them */
  constructor(executor: Executor, frozen: InitialWeights) {
    this.#device = executor.device;
    this.#programs = new Programs(executor);
    this.#frozen = setOf(frozen);
  }

  get names(): readonly string[] {
    return [...this.#sets.keys()];
  }

  /** Names of the trained parameters. */
  get trained(): readonly string[] {
    return [...(this.#sets.values().next().value?.host.keys() ?? [])];
  }

  get frozen(): Weights {
    return this.#upToDate(this.#frozen);
  }

  /**
   * The host's trained arrays, up to date: who writes into them says so with `hostChanged`.
   * @throws Error naming the sets there are
   */
  host(name: string): Weights {
    return this.#upToDate(this.#set(name));
  }

  /** What a program that reads a parameter is fed. */
  feed(name: string, parameter: string): Feed {
    return this.#device === undefined
      ? (this.#holder(name, parameter).host.get(parameter) as FloatArray)
      : this.onDevice(name, parameter);
  }

  /** The parameter's array on the device; it stays the set's. */
  onDevice(name: string, parameter: string): DeviceArray {
    const { host, onDevice } = this.#holder(name, parameter);
    const array = onDevice.get(parameter) ?? this.#onlyDevice.put(host.get(parameter) as FloatArray);
    onDevice.set(parameter, array);
    return array;
  }

  /** @param weights the trained ones */
  put(name: string, weights: InitialWeights): void {
    this.remove(name);
    this.#sets.set(name, setOf(weights));
  }

  remove(name: string): void {
    const old = this.#sets.get(name);
    if (old !== undefined) this.#free(old);
    this.#sets.delete(name);
  }

  copy(from: string, to: string): void {
    if (this.#device === undefined)
      return this.put(
        to,
        new Map([...this.host(from)].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }])),
      );
    const { host } = this.#set(from);
    this.put(to, new Map([...host].map(([name, { shape }]) => [name, lateArray(shape)])));
    for (const parameter of host.keys())
      this.replace(to, parameter, this.#device.share(this.onDevice(from, parameter)));
  }

  /** name ← decay · name + (1 − decay) · target. */
  async follow(name: string, target: string, decay: number): Promise<void> {
    const { host } = this.#set(name);
    if (this.#device === undefined) {
      for (const [parameter, { data: goal }] of this.host(target)) {
        const data = host.get(parameter)?.data as Float32Array;
        for (let i = 0; i < data.length; i++) data[i] = decay * (data[i] as number) + (1 - decay) * (goal[i] as number);
      }
      return;
    }
    for (const [parameter, { shape }] of host) {
      const { moved } = await this.#programs.runOnDevice(
        `${decay} ${shape.join(",")}`,
        (graph) => {
          graph.output(
            "moved",
            add(affine(graph.input("kept", shape), decay), affine(graph.input("target", shape), 1 - decay)),
          );
        },
        { kept: this.onDevice(name, parameter), target: this.onDevice(target, parameter) },
      );
      this.replace(name, parameter, moved as DeviceArray);
    }
  }

  /** Take an array on the device as the parameter's new value; it is the set's from now on. */
  replace(name: string, parameter: string, array: DeviceArray): void {
    const { onDevice, newer } = this.#set(name);
    const old = onDevice.get(parameter);
    if (old !== undefined) this.#onlyDevice.free(old);
    onDevice.set(parameter, array);
    newer.add(parameter);
  }

  /** The host's arrays were written into. What the device alone knows stays: `host` brought all else here before. */
  hostChanged(name: string): void {
    const { onDevice, newer } = this.#set(name);
    for (const [parameter, array] of onDevice) {
      if (newer.has(parameter)) continue;
      this.#onlyDevice.free(array);
      onDevice.delete(parameter);
    }
  }

  async release(): Promise<void> {
    for (const set of [this.#frozen, ...this.#sets.values()]) this.#free(set);
    await this.#programs.release();
  }

  get #onlyDevice(): Device {
    if (this.#device === undefined) throw new Error("this executor has no device");
    return this.#device;
  }

  #upToDate({ host, onDevice, newer }: WeightSet): Weights {
    for (const parameter of newer)
      host.get(parameter)?.data.set(this.#onlyDevice.get(onDevice.get(parameter) as DeviceArray));
    newer.clear();
    return host;
  }

  #set(name: string): WeightSet {
    const set = this.#sets.get(name);
    if (!set) throw new Error(`no weights are kept as "${name}"; there are ${this.names.join(", ")}`);
    return set;
  }

  /** The set that holds a parameter: the named one, or the frozen one. */
  #holder(name: string, parameter: string): WeightSet {
    const set = this.#set(name);
    return set.host.has(parameter) ? set : this.#frozen;
  }

  #free({ onDevice, newer }: WeightSet): void {
    for (const array of onDevice.values()) this.#onlyDevice.free(array);
    onDevice.clear();
    newer.clear();
  }
}

/** An array that takes memory when it is first looked at. */
function lateArray(shape: readonly number[]): FloatArray {
  let data: Float32Array | null = null;
  return {
    shape,
    get data() {
      return (data ??= new Float32Array(shape.reduce((a, b) => a * b, 1)));
    },
  };
}
