/**
 * Rounds as programs of segments: a round is cut where layers begin, layers that are alike share one program, and the
 * host starts the programs of all rounds one after the other without waiting for any. What is carried and what comes
 * back of each round is written in place.
 *
 * A `while` over weights stacked by layer, inside the `while` over rounds, would be one program too that does not grow
 * with depth. It was not chosen: weights would exist a second time, stacked, or be stacked anew from every wave's, each
 * round would slice a layer's weights out of the stack, which XLA may copy, and which weights are stacked would have to
 * be found in the graph. Here weights, prefixes and caches stay arrays of their own; the price is a start for each
 * layer and round, and that nothing is fused over a layer's end.
 */
import type { Value } from "../../graph.ts";
import { HeldPrograms, type LoadedProgram } from "../client/executables.ts";
import { lowerNodes } from "../lowering.ts";
import {
  type LoopGraph,
  type LoopSetting,
  type RoundArrays,
  type Rounds,
  typeOf,
  typeText,
  writeRow,
} from "./loop-graph.ts";
import type { Held } from "../client/memory.ts";
import { commonModule, type Placed } from "../modules.ts";
import type { ElementType } from "../client/pjrt-functions.ts";
import type { PlacedArray, Placement } from "../placement.ts";
import type { Segment } from "../passes/segments.ts";
import { sizesIn } from "../sizes.ts";
import { type Hlo, HloWriter } from "../writer.ts";

/** The program of a segment, and what its arguments and results are. */
interface Step {
  readonly program: LoadedProgram;
  /** Arguments; after them, where something is collected, the round's number and the arrays of what was so far. */
  readonly reads: readonly Value[];
  /** Results: values for later segments, then carried arrays for the next round, then what was collected. */
  readonly passes: readonly Value[];
  readonly carries: readonly Value[];
  readonly collects: readonly number[];
  /** What no later segment of the round reads. */
  readonly last: readonly Value[];
}

/** Programs of rounds at some sizes. */
interface Plan {
  /** (round's number, parts of all rounds …) → (the next round's number, this round's parts …). */
  readonly opening: LoadedProgram;
  readonly steps: readonly Step[];
}

const counterType: PlacedArray = { shape: [], type: "i32", placement: "whole" };

export class SegmentRounds implements Rounds {
  readonly #graph: LoopGraph;
  readonly #segments: readonly Segment[];
  readonly #setting: LoopSetting;
  readonly #plans = new Map<string, Plan>();
  readonly #programs: HeldPrograms;
  /** The last segment of a round that reads a value. */
  readonly #lastReaders = new Map<Value, number>();

  /** @throws Error naming an output that no segment computes */
  constructor(graph: LoopGraph, segments: readonly Segment[], setting: LoopSetting) {
    this.#graph = graph;
    this.#segments = segments;
    this.#setting = setting;
    this.#programs = new HeldPrograms(setting.executables);
    segments.forEach(({ inputs }, i) => inputs.forEach((input) => this.#lastReaders.set(input, i)));
    const missing = outputOutside(graph, segments);
    if (missing === null) return;
    throw new Error(`the output "${missing}" is computed in no round: the loop cannot run in segments`);
  }

  run(rounds: number, arrays: RoundArrays): { carried: Held[]; collected: Held[] } {
    const { memory } = this.#setting;
    const { parts, carried } = this.#graph;
    /** What changes: carried arrays, the round's parts, what segments have computed for others. */
    const own = new Map<Value, Held>(carried.map(({ input }, i) => [input, arrays.carried[i]!]));
    const next = new Map<Value, Held>();
    const rows: Held[] = [];
    let counter: Held | null = null;
    try {
      for (const { input, type } of carried) own.set(input, this.#begun(own.get(input)!, type));
      const plan = this.#plan(rounds, arrays, own);
      for (const type of this.#collectedTypes(rounds, arrays)) rows.push(zeros(memory, type));
      counter = memory.hold({ shape: [], data: Int32Array.of(0) });
      for (let round = 0; round < rounds; round++) {
        const [following, ...fed] = memory.run(plan.opening, [counter, ...arrays.parts]) as [Held, ...Held[]];
        const number = counter;
        counter = following;
        parts.forEach(([, value], i) => own.set(value, fed[i]!));
        for (const step of plan.steps) this.#take(step, { own, next, rows, constant: arrays.constant, number });
        number.release();
        for (const [, value] of parts) letGo(own, value);
        for (const { input } of carried) {
          letGo(own, input);
          own.set(input, next.get(input)!);
        }
        next.clear();
      }
      const last = carried.map(({ input }) => own.get(input)!);
      own.clear();
      return { carried: last, collected: rows.splice(0) };
    } finally {
      counter?.release();
      for (const array of [...own.values(), ...next.values(), ...rows]) array.release();
    }
  }

  release(): void {
    this.#programs.release();
    this.#plans.clear();
  }

  /** Start a segment's program. */
  #take(
    { program, reads, passes, carries, collects, last }: Step,
    {
      own,
      next,
      rows,
      constant,
      number,
    }: {
      readonly own: Map<Value, Held>;
      readonly next: Map<Value, Held>;
      readonly rows: Held[];
      readonly constant: ReadonlyMap<Value, Held>;
      readonly number: Held;
    },
  ): void {
    const given = reads.map((value) => own.get(value) ?? constant.get(value)!);
    if (collects.length > 0) given.push(number, ...collects.map((i) => rows[i]!));
    const results = this.#setting.memory.run(program, given);
    passes.forEach((value, i) => own.set(value, results[i]!));
    carries.forEach((value, i) => next.set(value, results[passes.length + i]!));
    collects.forEach((which, i) => {
      rows[which]!.release();
      rows[which] = results[passes.length + carries.length + i]!;
    });
    for (const value of last) letGo(own, value);
  }

  /** A carried array as rounds keep it, held by nobody else, so that it can be written over. */
  #begun(array: Held, type: ElementType): Held {
    const { memory } = this.#setting;
    const placement = memory.mesh.rows(array.shape);
    if (array.type === type && array.placement === placement && array.isAlone()) return array;
    const hlo = new HloWriter();
    const given = { array: hlo.argument(array.shape, array.type), placement: array.placement };
    const kept = { array: hlo.convert(given.array, type), placement };
    const [copy] = memory.run(this.#programs.get(commonModule(hlo, memory.mesh, [given], [kept]), [typeOf(kept)]), [
      array,
    ]);
    array.release();
    return copy!;
  }

  #plan(rounds: number, arrays: RoundArrays, own: ReadonlyMap<Value, Held>): Plan {
    const given = [...arrays.constant.values(), ...arrays.parts, ...own.values()];
    const key = `${rounds} ${given.map(typeText).join(" ")}`;
    const known = this.#plans.get(key);
    this.#setting.executables.ran(known !== undefined);
    if (known !== undefined) return known;
    const types = new Map<Value, PlacedArray>([...arrays.constant, ...own]);
    const opening = this.#opening(arrays.parts, types);
    const collected = this.#collectedTypes(rounds, arrays);
    const steps = this.#segments.map((segment, i) => this.#step(segment, i, { types, collected, arrays }));
    const plan = { opening, steps };
    this.#plans.set(key, plan);
    return plan;
  }

  /** @param types gets those of a round's parts */
  #opening(arrays: readonly Held[], types: Map<Value, PlacedArray>): LoadedProgram {
    const { mesh } = this.#setting.memory;
    const hlo = new HloWriter();
    const counter: Placed = { array: hlo.argument([], "i32"), placement: "whole" };
    const all = arrays.map(({ shape, type, placement }): Placed => ({ array: hlo.argument(shape, type), placement }));
    const next: Placed = { array: hlo.map("add", counter.array, hlo.constant(1, "i32")), placement: "whole" };
    const parts = this.#graph.parts.map(([, value], i): Placed => {
      const array = hlo.part(all[i]!.array, counter.array);
      const placed = { array, placement: this.#passed(value, array.shape) };
      types.set(value, typeOf(placed));
      return placed;
    });
    return this.#programs.get(
      commonModule(hlo, mesh, [counter, ...all], [next, ...parts]),
      [next, ...parts].map(typeOf),
    );
  }

  /** @param types of all that the segment reads; gets those of what it passes on */
  #step(
    segment: Segment,
    place: number,
    {
      types,
      collected,
      arrays,
    }: {
      readonly types: Map<Value, PlacedArray>;
      readonly collected: readonly PlacedArray[];
      readonly arrays: RoundArrays;
    },
  ): Step {
    const { memory, products } = this.#setting;
    const { graph } = this.#graph;
    const hlo = new HloWriter();
    const argument = ({ shape, type, placement }: PlacedArray): Placed => ({
      array: hlo.argument(shape, type),
      placement,
    });
    const inputs = segment.inputs.map((value) => argument(types.get(value)!));
    const values = new Map<Value, Hlo>(segment.inputs.map((value, i) => [value, inputs[i]!.array]));
    lowerNodes(hlo, segment.nodes, values, { sizes: sizesIn(arrays.symbols), products });
    const results = segment.passed.map((value): Placed => {
      const array = values.get(value)!;
      const placed = { array, placement: this.#passed(value, array.shape) };
      types.set(value, typeOf(placed));
      return placed;
    });
    const overwritten = new Map<number, number>();
    const isHere = (output: Value): boolean => segment.outputs.some((name) => graph.outputs.get(name) === output);
    const carries = this.#graph.carried.filter(({ output }) => isHere(output));
    for (const { input, output, type } of carries) {
      const array = hlo.convert(values.get(output)!, type);
      const at = results.push({ array, placement: memory.mesh.rows(array.shape) }) - 1;
      // What a later segment of the round reads as it was must stay.
      const argumentAt = segment.inputs.indexOf(input);
      if (argumentAt >= 0 && this.#lastReaders.get(input) === place) overwritten.set(argumentAt, at);
    }
    const collects = [...collected.keys()].filter((i) => isHere(this.#graph.collected[i]![1]));
    if (collects.length > 0) {
      const number = argument(counterType);
      inputs.push(number);
      for (const i of collects) {
        const into = argument(collected[i]!);
        const row = values.get(this.#graph.collected[i]![1])!;
        const array = writeRow(hlo, { into: into.array, row, round: number.array });
        overwritten.set(inputs.push(into) - 1, results.push({ array, placement: "whole" }) - 1);
      }
    }
    const text = commonModule(hlo, memory.mesh, inputs, results, overwritten);
    const carriedInputs = new Set(this.#graph.carried.map(({ input }) => input));
    const goes = (value: Value): boolean =>
      this.#lastReaders.get(value) === place && !arrays.constant.has(value) && !carriedInputs.has(value);
    return {
      program: this.#programs.get(text, results.map(typeOf)),
      reads: segment.inputs,
      passes: segment.passed,
      carries: carries.map(({ input }) => input),
      collects,
      last: segment.inputs.filter(goes),
    };
  }

  /** How a value lies that one program hands to another: cut by rows where it has rows. */
  #passed({ shape }: Value, sizes: readonly number[]): Placement {
    return typeof shape[0] === "number" ? "whole" : this.#setting.memory.mesh.rows(sizes);
  }

  #collectedTypes(rounds: number, { symbols }: RoundArrays): PlacedArray[] {
    const sizes = sizesIn(symbols);
    return this.#graph.collected.map(([, { shape }]) => ({
      shape: [rounds, ...sizes(shape)],
      type: "f32",
      placement: "whole",
    }));
  }
}

/** The name of an output that no segment computes, an input that is handed on say; null where there is none. */
export function outputOutside({ graph }: LoopGraph, segments: readonly Segment[]): string | null {
  const computed = new Set(segments.flatMap(({ outputs }) => outputs));
  return [...graph.outputs.keys()].find((name) => !computed.has(name)) ?? null;
}

function letGo(held: Map<Value, Held>, value: Value): void {
  held.get(value)?.release();
  held.delete(value);
}

const zeros = (memory: LoopSetting["memory"], { shape, placement }: PlacedArray): Held =>
  memory.take(memory.filled(shape, 0, "f32", placement), "rows");
