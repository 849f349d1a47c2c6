/** What all rounds of a loop read and none changes, computed once for many runs. */
import type { Prepared } from "../../executor.ts";
import { inputOp, type Value } from "../../graph.ts";
import type { HeldPrograms } from "../client/executables.ts";
import { lowerNodes } from "../lowering.ts";
import { type LoopGraph, type LoopSetting, typeOf } from "./loop-graph.ts";
import type { Held } from "../client/memory.ts";
import { commonModule } from "../modules.ts";
import type { PlacedArray } from "../placement.ts";
import { sizesIn } from "../sizes.ts";
import { type Hlo, HloWriter } from "../writer.ts";

/** What the rounds read that is the same in all of them, as it was computed from arrays of one set of sizes. */
export class PreparedValues implements Prepared {
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

/** Inputs that do not change and that rounds, or what is computed before them, read. */
export function constantInputs({ graph, before, constant }: LoopGraph): [name: string, value: Value][] {
  const read = new Set([...before.flatMap(({ inputs }) => inputs), ...constant]);
  return [...graph.inputs].filter(([, value]) => read.has(value));
}

/**
 * The constant values, each held once: inputs as they are, or in the products' type where they are matrices, and what
 * is computed from them, by a program for each stretch between the graph's cuts: alike layers share one.
 * @param given the constant inputs' arrays, held by the caller @param programs those that are run
 * @throws Error with nothing held
 */
export function prepareConstants(
  graph: LoopGraph,
  given: ReadonlyMap<Value, Held>,
  { symbols, programs }: { readonly symbols: ReadonlyMap<string, number>; readonly programs: HeldPrograms },
  setting: LoopSetting,
): PreparedValues {
  const isKept = (value: Value): boolean =>
    value.node.op.name === inputOp.name &&
    (value.dtype !== "float32" || given.get(value)!.type === (value.shape.length < 2 ? "f32" : setting.products));
  const result = new Map<Value, Held>();
  try {
    for (const values of byStretch(
      graph,
      graph.constant.filter((value) => !isKept(value)),
    )) {
      const { inputs, text, results } = stretchProgram(graph, values, { given, symbols }, setting);
      const arrays = setting.memory.run(
        programs.get(text, results),
        inputs.map((value) => given.get(value)!),
      );
      arrays.forEach((array, i) => result.set(values[i]!, array));
    }
  } catch (cause) {
    for (const array of result.values()) array.release();
    throw cause;
  }
  for (const value of graph.constant) if (!result.has(value)) result.set(value, given.get(value)!.again());
  return new PreparedValues(new Map(graph.constant.map((value) => [value, result.get(value)!])), symbols);
}

/** Values by the stretch of the graph that they were recorded in. */
function byStretch({ graph: { cuts } }: LoopGraph, values: readonly Value[]): Value[][] {
  const stretches = new Map<number, Value[]>();
  for (const value of values) {
    const stretch = cuts.filter((cut) => cut <= value.node.id).length;
    stretches.set(stretch, [...(stretches.get(stretch) ?? []), value]);
  }
  return [...stretches.values()];
}

/** (inputs that values are computed from) → (the values). */
function stretchProgram(
  { before }: LoopGraph,
  wanted: readonly Value[],
  { given, symbols }: { readonly given: ReadonlyMap<Value, Held>; readonly symbols: ReadonlyMap<string, number> },
  { memory: { mesh }, products }: LoopSetting,
): { readonly inputs: readonly Value[]; readonly text: string; readonly results: readonly PlacedArray[] } {
  const read = new Set(wanted.map(({ node }) => node));
  for (const node of read) for (const value of node.inputs) read.add(value.node);
  const hlo = new HloWriter();
  const inputs = [...given].filter(([{ node }]) => read.has(node));
  const placed = inputs.map(([, { shape, type, placement }]) => ({ array: hlo.argument(shape, type), placement }));
  const values = new Map<Value, Hlo>(
    inputs.map(([value], i) => {
      const { array } = placed[i]!;
      return [value, value.dtype === "float32" ? hlo.convert(array, "f32") : array];
    }),
  );
  lowerNodes(
    hlo,
    before.filter((node) => read.has(node)),
    values,
    { sizes: sizesIn(symbols), products },
  );
  const results = wanted.map((value) => {
    const array = matrixType(hlo, values.get(value)!, value, products);
    return { array, placement: mesh.returned(value.shape, array.shape) };
  });
  const text = commonModule(hlo, mesh, placed, results);
  return { inputs: inputs.map(([value]) => value), text, results: results.map(typeOf) };
}

/** Matrices are factors of products in every round: rounded once. */
const matrixType = (hlo: HloWriter, array: Hlo, { dtype, shape }: Value, products: "f32" | "bf16"): Hlo =>
  dtype === "float32" && shape.length >= 2 ? hlo.convert(array, products) : array;
