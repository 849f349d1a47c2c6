/** A graph in a `while`: rounds of one program, what they carry written in place. */
import type { DeviceArray, Feed, Feeds, FloatArray, Loop, LoopOptions, Prepared } from "../executor.ts";
import { type Graph, inputOp, liveNodes, type Node, type Value } from "../graph.ts";
import type { Executables, LoadedProgram } from "./executables.ts";
import { lowerings } from "./lowering.ts";
import type { Held, Memory } from "./memory.ts";
import { commonModule, type Placed } from "./modules.ts";
import type { PlacedArray } from "./placement.ts";
import type { ElementType } from "./pjrt-functions.ts";
import { readSymbols, sizesIn } from "./sizes.ts";
import { entries, type Hlo, HloWriter } from "./writer.ts";

export interface LoopSetting {
  readonly memory: Memory;
  readonly executables: Executables;
  readonly products: "f32" | "bf16";
}

/** What the rounds read that is the same in all of them, as it was computed from arrays of one set of sizes. */
class PreparedValues implements Prepared {
  readonly held: ReadonlyMap<Value, Held>;
  readonly symbols: ReadonlyMap<string, number>;

  constructor(held: ReadonlyMap<Value, Held>, symbols: ReadonlyMap<string, number>) {
    this.held = held;
    this.symbols = symbols;
  }

  release(): void {
    for (const held of this.held.values()) held.release();
  }
}

export class XlaLoop implements Loop {
  readonly #graph: Graph;
  readonly #options: LoopOptions;
  readonly #setting: LoopSetting;
  /** Nodes that are computed before the first round, and those of each round. */
  readonly #before: readonly Node[];
  readonly #each: readonly Node[];
  /** What rounds read of the nodes before them and of inputs that do not change. */
  readonly #constant: readonly Value[];
  readonly #programs = new Map<string, LoadedProgram>();

  constructor(graph: Graph, options: LoopOptions, setting: LoopSetting) {
    this.#graph = graph;
    this.#options = options;
    this.#setting = setting;
    const changing = new Set(
      [...options.parts, ...Object.keys(options.carried)].map((name) => graph.inputs.get(name)?.node),
    );
    const nodes = liveNodes(graph);
    for (const node of nodes) if (node.inputs.some((value) => changing.has(value.node))) changing.add(node);
    const computing = nodes.filter(({ op }) => op.name !== inputOp.name);
    this.#each = computing.filter((node) => changing.has(node));
    this.#before = computing.filter((node) => !changing.has(node));
    this.#constant = [...new Set(this.#each.flatMap(({ inputs }) => inputs).filter(({ node }) => !changing.has(node)))];
  }

  zeros(shape: readonly number[]): DeviceArray {
    const { memory, products } = this.#setting;
    return memory.filled(shape, 0, products, memory.mesh.rows(shape));
  }

  prepare(feeds: Feeds): Promise<Prepared> {
    const { memory } = this.#setting;
    const needed = new Set(
      [...this.#before.flatMap(({ inputs }) => inputs), ...this.#constant].filter(
        ({ node }) => node.op.name === inputOp.name,
      ),
    );
    const inputs = [...this.#graph.inputs].filter(([, value]) => needed.has(value));
    const symbols = readSymbols(inputs, (name) => fedShape(name, feeds[name]));
    const held = new Map<Value, Held>();
    try {
      for (const [name, value] of inputs) held.set(value, heldFeed(memory, name, feeds[name]!));
      return Promise.resolve(
        new PreparedValues(
          this.#prepared(
            inputs.map(([, value]) => value),
            held,
            symbols,
          ),
          symbols,
        ),
      );
    } finally {
      for (const array of held.values()) array.release();
    }
  }

  async run(
    rounds: number,
    prepared: Prepared,
    feeds: Feeds,
  ): Promise<{ carried: Record<string, DeviceArray>; outputs: Record<string, FloatArray> }> {
    const { memory } = this.#setting;
    const { carried, parts } = this.#options;
    if (!(prepared instanceof PreparedValues))
      throw new Error("what a loop is given was prepared by another executor's");
    const changing = [...parts, ...Object.keys(carried)];
    const shapes = changing.map((name) => [name, this.#graph.inputs.get(name)!] as const);
    const symbols = readSymbols(
      shapes,
      (name) => fedShape(name, feeds[name]).slice(parts.includes(name) ? 1 : 0),
      prepared.symbols,
    );
    const held = changing.map((name) => takenFeed(memory, name, feeds[name]!));
    const collected = [...this.#graph.outputs].filter(([name]) => !Object.values(carried).includes(name));
    try {
      const program = this.#program(rounds, prepared, symbols, held);
      const results = memory.run(program, [...prepared.held.values(), ...held]);
      const names = Object.keys(carried);
      const outputs = Object.fromEntries(
        collected.map(([name], i) => {
          const array = results[names.length + i]!;
          const data = memory.fetch(array, new Float32Array(entries(array.shape)));
          array.release();
          return [name, { shape: array.shape, data }];
        }),
      );
      return Promise.resolve({
        carried: Object.fromEntries(names.map((name, i) => [name, memory.number(results[i]!)])),
        outputs,
      });
    } finally {
      for (const array of held) array.release();
    }
  }

  release(): Promise<void> {
    for (const program of this.#programs.values()) this.#setting.executables.release(program);
    this.#programs.clear();
    return Promise.resolve();
  }

  /**
   * The constant values: inputs as they are, or in the products' type where they are matrices, and what is computed
   * from them.
   */
  #prepared(
    inputs: readonly Value[],
    held: ReadonlyMap<Value, Held>,
    symbols: ReadonlyMap<string, number>,
  ): Map<Value, Held> {
    const { memory, executables, products } = this.#setting;
    const isKept = (value: Value): boolean =>
      value.node.op.name === inputOp.name &&
      (value.dtype !== "float32" || held.get(value)!.type === (value.shape.length < 2 ? "f32" : products));
    const computed = this.#constant.filter((value) => !isKept(value));
    const result = new Map<Value, Held>();
    if (computed.length > 0) {
      const hlo = new HloWriter();
      const given = inputs.map((value) => hlo.argument(held.get(value)!.shape, held.get(value)!.type));
      const values = new Map<Value, Hlo>(
        inputs.map((value, i) => [value, value.dtype === "float32" ? hlo.convert(given[i]!, "f32") : given[i]!]),
      );
      lowerNodes(hlo, this.#before, values, { symbols, products });
      const results = computed.map((value) => matrixType(hlo, values.get(value)!, value, products));
      const { mesh } = memory;
      const placed = results.map((array, i) => ({ array, placement: mesh.returned(computed[i]!.shape, array.shape) }));
      const placedInputs = inputs.map((value, i) => ({ array: given[i]!, placement: held.get(value)!.placement }));
      const text = commonModule(hlo, mesh, placedInputs, placed);
      const program = executables.get(text, placed.map(typeOf));
      this.#programs.set(text, program);
      memory
        .run(
          program,
          inputs.map((value) => held.get(value)!),
        )
        .forEach((array, i) => result.set(computed[i]!, array));
    }
    for (const value of this.#constant) if (!result.has(value)) result.set(value, held.get(value)!.again());
    return new Map(this.#constant.map((value) => [value, result.get(value)!]));
  }

  #program(
    rounds: number,
    prepared: PreparedValues,
    symbols: ReadonlyMap<string, number>,
    held: readonly Held[],
  ): LoadedProgram {
    const types = [...prepared.held.values(), ...held]
      .map(({ shape, type, placement }) => `${type}${shape.join("x")}@${placement}`)
      .join(" ");
    const key = `${rounds} ${held.map((array) => Number(array.isAlone())).join("")} ${types}`;
    const known = this.#programs.get(key);
    this.#setting.executables.ran(known !== undefined);
    if (known !== undefined) return known;
    const { text, results } = this.#text(rounds, prepared, symbols, held);
    const program = this.#setting.executables.get(text, results);
    this.#programs.set(key, program);
    return program;
  }

  #text(
    rounds: number,
    prepared: PreparedValues,
    symbols: ReadonlyMap<string, number>,
    held: readonly Held[],
  ): { text: string; results: PlacedArray[] } {
    const { products, memory } = this.#setting;
    const { carried, parts } = this.#options;
    const hlo = new HloWriter();
    const constant = [...prepared.held].map(([value, { shape, type }]) => [value, hlo.argument(shape, type)] as const);
    const changing = held.map(({ shape, type }) => hlo.argument(shape, type));
    const collected = [...this.#graph.outputs].filter(([name]) => !Object.values(carried).includes(name));
    const empty = collected.map(([, { shape }]) => hlo.filled(0, [rounds, ...sizesIn(symbols)(shape)]));
    const carriedTypes = Object.keys(carried).map((name) => this.#carriedType(name));
    const begun = changing.map((value, i) =>
      i < parts.length ? value : hlo.convert(value, carriedTypes[i - parts.length]!),
    );
    const state = [...constant.map(([, value]) => value), ...begun, ...empty];
    const final = hlo.rounds(rounds, state, (inner, place, now) => {
      const values = new Map<Value, Hlo>(constant.map(([value], i) => [value, now[i]!]));
      const fed = now.slice(constant.length, constant.length + changing.length);
      const value = (name: string): Value => this.#graph.inputs.get(name)!;
      parts.forEach((name, i) => values.set(value(name), inner.part(fed[i]!, place)));
      Object.keys(carried).forEach((name, i) => values.set(value(name), fed[parts.length + i]!));
      lowerNodes(inner, this.#each, values, { symbols, products });
      const next = Object.values(carried).map((name, i) =>
        inner.convert(values.get(this.#graph.outputs.get(name)!)!, carriedTypes[i]!),
      );
      const rows = collected.map(([, output], i) => {
        const into = now[constant.length + changing.length + i]!;
        const row = inner.convert(values.get(output)!, "f32");
        return inner.write(into, inner.reshape(row, [1, ...row.shape]), place, 0);
      });
      return [...now.slice(0, constant.length + parts.length), ...next, ...rows];
    });
    const results = final.slice(constant.length + parts.length);
    // What is carried is cut by rows; what comes back to the host is a copy on each device.
    const placed = results.map((array, i): Placed => ({
      array,
      placement: i < carriedTypes.length ? memory.mesh.rows(array.shape) : "whole",
    }));
    const overwritten = new Map<number, number>();
    carriedTypes.forEach((type, i) => {
      const array = held[parts.length + i]!;
      const stays = array.type === type && array.placement === placed[i]!.placement;
      if (array.isAlone() && stays) overwritten.set(constant.length + parts.length + i, i);
    });
    const given = [...prepared.held.values(), ...held].map(({ placement }, i) => ({
      array: [...constant.map(([, value]) => value), ...changing][i]!,
      placement,
    }));
    return { text: commonModule(hlo, memory.mesh, given, placed, overwritten), results: placed.map(typeOf) };
  }

  /** Carried arrays of floats are kept in the products' type. */
  #carriedType(input: string): ElementType {
    const { dtype } = this.#graph.inputs.get(input)!;
    return dtype === "int32" ? "i32" : this.#setting.products;
  }
}

const typeOf = ({ array: { shape, type }, placement }: Placed): PlacedArray => ({ shape, type, placement });

function lowerNodes(
  hlo: HloWriter,
  nodes: readonly Node[],
  values: Map<Value, Hlo>,
  { symbols, products }: { readonly symbols: ReadonlyMap<string, number>; readonly products: "f32" | "bf16" },
): void {
  for (const node of nodes) {
    const lowering = lowerings[node.op.name];
    if (lowering === undefined) throw new Error(`the op "${node.op.name}" has no lowering to OpenXLA`);
    hlo.locate(node.op.name);
    const results = lowering({
      hlo,
      node,
      inputs: node.inputs.map((value) => values.get(value)!),
      sizes: sizesIn(symbols),
      products,
    });
    node.outputs.forEach((value, i) => values.set(value, results[i]!));
  }
}

/** Matrices are factors of products in every round: rounded once. */
const matrixType = (hlo: HloWriter, array: Hlo, { dtype, shape }: Value, products: "f32" | "bf16"): Hlo =>
  dtype === "float32" && shape.length >= 2 ? hlo.convert(array, products) : array;

function fedShape(name: string, feed: Feed | undefined): readonly number[] {
  if (feed === undefined) throw new Error(`the graph's input "${name}" was not fed`);
  return feed.shape;
}

const heldFeed = (memory: Memory, name: string, feed: Feed): Held =>
  "id" in feed ? memory.held(feed, name) : memory.hold(feed);
const takenFeed = (memory: Memory, name: string, feed: Feed): Held =>
  "id" in feed ? memory.take(feed, name) : memory.hold(feed);
