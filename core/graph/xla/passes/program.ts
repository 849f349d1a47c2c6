/** A graph's segments, compiled for each set of sizes they are run at. */
import type { DeviceArray, Feeds, FloatArray, HostArray, Program } from "../../executor.ts";
import { type Graph, type Value, liveNodes, inputOp } from "../../graph.ts";
import type { Executables, LoadedProgram } from "../client/executables.ts";
import { lowerings } from "../lowering.ts";
import type { Held, Memory } from "../client/memory.ts";
import type { ElementType } from "../client/pjrt-functions.ts";
import type { Placement } from "../placement.ts";
import { type SegmentProgram, segmentProgram } from "./segment-program.ts";
import { type Segment, segmentsOf } from "./segments.ts";
import { readSymbols, sizesIn } from "../sizes.ts";

export interface ProgramSetting {
  readonly memory: Memory;
  readonly executables: Executables;
  readonly products: "f32" | "bf16";
  readonly constants: Readonly<Record<string, HostArray>>;
  readonly sums: readonly string[];
  readonly replaced: Readonly<Record<string, string>>;
}

/** Programs of a graph's segments at some sizes. */
type Compiled = readonly {
  readonly segment: Segment;
  readonly plan: Omit<SegmentProgram, "text">;
  readonly program: LoadedProgram;
}[];

type DeviceArrays = Readonly<Record<string, DeviceArray>>;

/** What a run is fed: arrays that are all devices', and of each device's own an entry a device. */
interface Fed {
  readonly feeds: Feeds;
  readonly each: Readonly<Record<string, readonly HostArray[]>>;
}

export class XlaProgram implements Program {
  readonly #graph: Graph;
  readonly #setting: ProgramSetting;
  readonly #segments: readonly Segment[];
  readonly #inputs: ReadonlyMap<string, Value>;
  readonly #constants = new Map<string, Held>();
  readonly #compiled = new Map<string, Compiled>();
  readonly #lastReaders = new Map<Value, number>();

  constructor(graph: Graph, setting: ProgramSetting) {
    this.#graph = graph;
    this.#setting = setting;
    const live = liveNodes(graph);
    for (const { op } of live) {
      if (op.name !== inputOp.name && !(op.name in lowerings))
        throw new Error(`the op "${op.name}" has no lowering to OpenXLA`);
    }
    this.#segments = segmentsOf(graph);
    this.#segments.forEach(({ inputs }, i) => inputs.forEach((input) => this.#lastReaders.set(input, i)));
    for (const output of graph.outputs.values())
      if (output.node.op.name === inputOp.name) this.#lastReaders.set(output, this.#segments.length);
    const read = new Set(live);
    this.#inputs = new Map([...graph.inputs].filter(([, { node }]) => read.has(node)));
    for (const [name, array] of Object.entries(setting.constants)) {
      if (this.#inputs.has(name))
        this.#constants.set(name, setting.memory.hold(array, setting.memory.mesh.kept(array.shape)));
    }
  }

  async run(feeds: Feeds): Promise<Record<string, FloatArray>> {
    const outputs = await this.runOnDevice(feeds);
    const { memory } = this.#setting;
    try {
      return Object.fromEntries(
        Object.entries(outputs).map(([name, array]) => [name, { shape: array.shape, data: memory.get(array) }]),
      );
    } finally {
      for (const array of Object.values(outputs)) memory.free(array);
    }
  }

  runOnDevice(feeds: Feeds, sums: DeviceArrays = {}): Promise<Record<string, DeviceArray>> {
    return this.#run({ feeds, each: {} }, sums);
  }

  async runOnEach(
    own: readonly Readonly<Record<string, HostArray>>[],
    feeds: Feeds,
    sums: DeviceArrays = {},
  ): Promise<{ own: Record<string, FloatArray>[]; sums: Record<string, DeviceArray> }> {
    const { memory, sums: summed } = this.#setting;
    const { devices } = memory.mesh;
    if (devices === 1 || own.length !== devices)
      throw new Error(`${own.length} sets of feeds for ${devices} devices, of which there are several`);
    const each = Object.fromEntries(Object.keys(own[0]!).map((name) => [name, own.map((one) => one[name]!)]));
    const outputs = Object.entries(await this.#run({ feeds, each }, sums));
    const ofEach = outputs.filter(([name]) => !summed.includes(name));
    try {
      const fetched = ofEach.map(([name, array]) => [name, array.shape, memory.get(array)] as const);
      return {
        own: own.map((_, device) =>
          Object.fromEntries(fetched.map(([name, shape, data]) => [name, partOf(shape, data, device)])),
        ),
        sums: Object.fromEntries(outputs.filter(([name]) => summed.includes(name))),
      };
    } finally {
      for (const [, array] of ofEach) memory.free(array);
    }
  }

  async #run({ feeds, each }: Fed, sums: DeviceArrays): Promise<Record<string, DeviceArray>> {
    const { memory } = this.#setting;
    const held = new Map<Value, Held>();
    const taken = new Map<string, Held>();
    const outputs = new Map<string, Held>();
    try {
      for (const [name, value] of this.#inputs) held.set(value, this.#held(name, value, { feeds, each }));
      const symbols = readSymbols(this.#inputs, (name) => held.get(this.#inputs.get(name)!)!.shape);
      const isEach = Object.keys(each).length > 0;
      const compiled = this.#compile({ symbols, held, each: isEach }, this.#take(feeds, sums, held, taken));
      compiled.forEach(({ segment, plan, program }, i) => {
        const given = [
          ...segment.inputs.map((value) => held.get(value)!),
          ...plan.sums.map((name) => taken.get(name)!),
        ];
        const results = memory.run(program, given);
        for (const [value, at] of plan.passed) held.set(value, results[at]!.again());
        for (const [name, at] of plan.outputs) outputs.set(name, results[at]!.again());
        for (const result of results) result.release();
        // What no later segment reads is let go of.
        for (const value of segment.inputs) if (this.#lastReaders.get(value) === i) letGo(held, value);
        for (const name of plan.sums) letGo(taken, name);
      });
      // An output that is an input comes back as the array that was fed.
      return Object.fromEntries(
        [...this.#graph.outputs].map(([name, value]) => [name, memory.array((outputs.get(name) ?? held.get(value))!)]),
      );
    } finally {
      for (const value of [...held.keys()]) letGo(held, value);
      for (const array of [...taken.values(), ...outputs.values()]) array.release();
    }
  }

  release(): Promise<void> {
    for (const constant of this.#constants.values()) constant.release();
    this.#constants.clear();
    for (const compiled of this.#compiled.values())
      for (const { program } of compiled) this.#setting.executables.release(program);
    this.#compiled.clear();
    return Promise.resolve();
  }

  /** Take over the arrays that are written over; whether all of them are held by nobody else, so that they can be. */
  #take(feeds: Feeds, sums: DeviceArrays, held: Map<Value, Held>, taken: Map<string, Held>): boolean {
    const { memory, sums: summed, replaced } = this.#setting;
    for (const name of summed) {
      const array = sums[name];
      if (array === undefined) throw new Error(`the array that the output "${name}" is added to was not given`);
      taken.set(name, memory.take(array, name));
    }
    let isAlone = [...taken.values()].every((array) => array.isAlone());
    for (const name of Object.values(replaced)) {
      const feed = feeds[name];
      const value = this.#inputs.get(name);
      if (value === undefined || feed === undefined || !("id" in feed)) continue;
      memory.free(feed);
      isAlone &&= held.get(value)!.isAlone();
    }
    return isAlone;
  }

  /** An input's array on the device, held once more. @throws Error naming an input that is missing or does not fit */
  #held(name: string, { dtype }: Value, { feeds, each }: Fed): Held {
    const constant = this.#constants.get(name);
    if (constant !== undefined) return constant.again();
    const own = each[name];
    if (own !== undefined) {
      for (const feed of own) checkFeed(name, feed, dtype);
      const other = own.find(({ shape }) => shape.join() !== own[0]!.shape.join());
      if (other !== undefined)
        throw new Error(
          `input "${name}" is fed [${own[0]!.shape.join(", ")}] on one device and [${other.shape.join(", ")}] on another: sizes must be equal`,
        );
      return this.#setting.memory.holdEach(own);
    }
    const feed = feeds[name];
    if (!feed) throw new Error(`the graph's input "${name}" was not fed`);
    if ("id" in feed) return this.#setting.memory.held(feed, name);
    checkFeed(name, feed, dtype);
    return this.#setting.memory.hold(feed);
  }

  #compile(
    { symbols, held, each }: { symbols: ReadonlyMap<string, number>; held: ReadonlyMap<Value, Held>; each: boolean },
    inPlace: boolean,
  ): Compiled {
    const placements = new Map<Value, Placement>([...held].map(([value, { placement }]) => [value, placement]));
    const key = JSON.stringify([
      inPlace,
      each,
      ...placements.values(),
      ...[...held.values()].map(({ type }) => type),
      ...[...symbols].sort(([a], [b]) => (a < b ? -1 : 1)),
    ]);
    const known = this.#compiled.get(key);
    this.#setting.executables.ran(known !== undefined);
    if (known !== undefined) return known;
    const { executables, products, sums, replaced, memory } = this.#setting;
    const types = new Map<Value, ElementType>([...held].map(([value, { type }]) => [value, type]));
    const setting = {
      sizes: sizesIn(symbols),
      products,
      typeOf: (value: Value) => types.get(value)!,
      mesh: memory.mesh,
      placementOf: (value: Value) => placements.get(value)!,
      each,
      outputs: this.#graph.outputs,
      sums: new Set(sums),
      replaced: new Map(Object.entries(replaced).map(([output, input]) => [output, this.#graph.inputs.get(input)!])),
      // A value that several segments read cannot be written over by one of them.
      inPlace: inPlace && (this.#segments.length === 1 || Object.keys(replaced).length === 0),
    };
    const compiled: { segment: Segment; plan: Omit<SegmentProgram, "text">; program: LoadedProgram }[] = [];
    try {
      for (const segment of this.#segments) {
        const { text, ...plan } = segmentProgram(segment, setting);
        for (const [value, at] of plan.passed) {
          types.set(value, plan.results[at]!.type);
          placements.set(value, plan.results[at]!.placement);
        }
        compiled.push({ segment, plan, program: executables.get(text, plan.results) });
      }
    } catch (cause) {
      for (const { program } of compiled) executables.release(program);
      throw cause;
    }
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

function letGo<Key>(held: Map<Key, Held>, key: Key): void {
  held.get(key)?.release();
  held.delete(key);
}

function checkFeed(name: string, { shape, data }: HostArray, dtype: Value["dtype"]): void {
  const size = shape.reduce((a, b) => a * b, 1);
  if (data.length !== size) throw new Error(`input "${name}": ${data.length} entries for shape [${shape.join(", ")}]`);
  if (data instanceof Float32Array !== (dtype === "float32"))
    throw new Error(`input "${name}": ${data.constructor.name} for ${dtype}`);
}

/** A device's own of arrays that have an axis of the devices in front. */
function partOf([devices, ...shape]: readonly number[], data: Float32Array, device: number): FloatArray {
  const size = data.length / devices!;
  return { shape, data: data.subarray(device * size, (device + 1) * size) };
}
