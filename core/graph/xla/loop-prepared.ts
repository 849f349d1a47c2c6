/** What all rounds of a loop read and none changes, computed once for many runs. */
import type { Prepared } from "../executor.ts";
import { inputOp, type Value } from "../graph.ts";
import type { LoadedProgram } from "./executables.ts";
import { lowerNodes } from "./lowering.ts";
import { type LoopGraph, type LoopSetting, typeOf } from "./loop-graph.ts";
import type { Held } from "./memory.ts";
import { commonModule } from "./modules.ts";
import { sizesIn } from "./sizes.ts";
import { type Hlo, HloWriter } from "./writer.ts";

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
 * is computed from them.
 * @param given the constant inputs' arrays, held by the caller @param programs gets the program that was run, by its text
 */
export function prepareConstants(
  { before, constant }: LoopGraph,
  given: ReadonlyMap<Value, Held>,
  { symbols, programs }: { readonly symbols: ReadonlyMap<string, number>; readonly programs: Map<string, LoadedProgram> },
  { memory, executables, products }: LoopSetting,
): PreparedValues {
  const isKept = (value: Value): boolean =>
    value.node.op.name === inputOp.name &&
    (value.dtype !== "float32" || given.get(value)!.type === (value.shape.length < 2 ? "f32" : products));
  const computed = constant.filter((value) => !isKept(value));
  const result = new Map<Value, Held>();
  if (computed.length > 0) {
    const { mesh } = memory;
    const hlo = new HloWriter();
    const inputs = [...given].map(([value, { shape, type, placement }]) => ({ value, array: hlo.argument(shape, type), placement }));
    const values = new Map<Value, Hlo>(
      inputs.map(({ value, array }) => [value, value.dtype === "float32" ? hlo.convert(array, "f32") : array]),
    );
    lowerNodes(hlo, before, values, { sizes: sizesIn(symbols), products });
    const placed = computed.map((value) => {
      const array = matrixType(hlo, values.get(value)!, value, products);
      return { array, placement: mesh.returned(value.shape, array.shape) };
    });
    const text = commonModule(hlo, mesh, inputs, placed);
    const program = programs.get(text) ?? executables.get(text, placed.map(typeOf));
    programs.set(text, program);
    memory.run(program, [...given.values()]).forEach((array, i) => result.set(computed[i]!, array));
  }
  for (const value of constant) if (!result.has(value)) result.set(value, given.get(value)!.again());
  return new PreparedValues(new Map(constant.map((value) => [value, result.get(value)!])), symbols);
}

/** Matrices are factors of products in every round: rounded once. */
const matrixType = (hlo: HloWriter, array: Hlo, { dtype, shape }: Value, products: "f32" | "bf16"): Hlo =>
  dtype === "float32" && shape.length >= 2 ? hlo.convert(array, products) : array;
