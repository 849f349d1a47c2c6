/** A graph run in rounds, of which the host sees nothing until the last is done. */
import type { DeviceArray, Feed, Feeds, FloatArray, Loop, LoopOptions, Prepared } from "../../executor.ts";
import type { Graph, Value } from "../../graph.ts";
import { HeldPrograms } from "../client/executables.ts";
import { LoopGraph, type LoopSetting, type Rounds } from "./loop-graph.ts";
import { constantInputs, prepareConstants, PreparedValues } from "./loop-prepared.ts";
import type { Held, Memory } from "../client/memory.ts";
import { outputOutside, SegmentRounds } from "./segment-rounds.ts";
import { mostAlike, segmentsOf } from "../passes/segments.ts";
import { readSymbols } from "../sizes.ts";
import { WholeRounds } from "./whole-rounds.ts";
import { entries } from "../writer.ts";

/** How rounds are run: as one program, or as programs of a round's segments that the host starts. */
export type LoopForm = "whole" | "segments";

/**
 * So many segments that are alike are programs of their own. With fewer one program is faster and soon compiled; with
 * more its compilation grows with the depth, and on a GPU takes minutes (docs/performance.md has both forms' times).
 */
const fewestAlike = 12;

export class XlaLoop implements Loop {
  readonly #graph: LoopGraph;
  readonly #setting: LoopSetting;
  readonly #rounds: Rounds;
  readonly #preparing: HeldPrograms;
  readonly form: LoopForm;

  /** @param form default: by how many of the graph's segments are alike */
  constructor(graph: Graph, options: LoopOptions, setting: LoopSetting, form?: LoopForm) {
    this.#setting = setting;
    this.#preparing = new HeldPrograms(setting.executables);
    this.#graph = new LoopGraph(graph, options, setting.products);
    const segments = segmentsOf(graph, this.#graph.each);
    const isDeep = mostAlike(segments) >= fewestAlike && outputOutside(this.#graph, segments) === null;
    this.form = form ?? (isDeep ? "segments" : "whole");
    this.#rounds =
      this.form === "whole" ? new WholeRounds(this.#graph, setting) : new SegmentRounds(this.#graph, segments, setting);
  }

  zeros(shape: readonly number[]): DeviceArray {
    const { memory, products } = this.#setting;
    return memory.filled(shape, 0, products, memory.mesh.rows(shape));
  }

  prepare(feeds: Feeds): Promise<Prepared> {
    const { memory } = this.#setting;
    const inputs = constantInputs(this.#graph);
    const symbols = readSymbols(inputs, (name) => fedShape(name, feeds[name]));
    const held = new Map<Value, Held>();
    try {
      for (const [name, value] of inputs) held.set(value, heldFeed(memory, name, feeds[name]!));
      return Promise.resolve(
        prepareConstants(this.#graph, held, { symbols, programs: this.#preparing }, this.#setting),
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
    const { parts, carried, collected } = this.#graph;
    if (!(prepared instanceof PreparedValues))
      throw new Error("what a loop is given was prepared by another executor's");
    const partNames = new Set(parts.map(([name]) => name));
    const changing = [...parts, ...carried.map(({ name, input }) => [name, input] as const)];
    const symbols = readSymbols(
      changing,
      (name) => fedShape(name, feeds[name]).slice(partNames.has(name) ? 1 : 0),
      prepared.symbols,
    );
    const held = changing.map(([name]) => takenFeed(memory, name, feeds[name]!));
    const [fed, begun] = [held.slice(0, parts.length), held.slice(parts.length)];
    try {
      const results = this.#rounds.run(rounds, { symbols, constant: prepared.held, parts: fed, carried: begun });
      const outputs = collected.map(([name], i) => {
        const array = results.collected[i]!;
        const data = memory.fetch(array, new Float32Array(entries(array.shape)));
        array.release();
        return [name, { shape: array.shape, data }] as const;
      });
      return {
        carried: Object.fromEntries(carried.map(({ name }, i) => [name, memory.number(results.carried[i]!)])),
        outputs: Object.fromEntries(outputs),
      };
    } finally {
      for (const array of fed) array.release();
    }
  }

  release(): Promise<void> {
    this.#rounds.release();
    this.#preparing.release();
    return Promise.resolve();
  }
}

function fedShape(name: string, feed: Feed | undefined): readonly number[] {
  if (feed === undefined) throw new Error(`the graph's input "${name}" was not fed`);
  return feed.shape;
}

const heldFeed = (memory: Memory, name: string, feed: Feed): Held =>
  "id" in feed ? memory.held(feed, name) : memory.hold(feed);
const takenFeed = (memory: Memory, name: string, feed: Feed): Held =>
  "id" in feed ? memory.take(feed, name) : memory.hold(feed);
