/** Named sizes of a graph, read off what its inputs are fed. */
import { evaluate, type Shape } from "../dims.ts";
import type { Value } from "../graph.ts";

export const sizesIn =
  (symbols: ReadonlyMap<string, number>) =>
  (shape: Shape): number[] =>
    shape.map((dim) => (typeof dim === "number" ? dim : (symbols.get(dim.key) ?? evaluate(dim, symbols))));

/**
 * The sizes that inputs have as an axis, besides those that are known.
 * @param found the shape that an input is fed @throws Error naming an input whose shape does not fit
 */
export function readSymbols(
  inputs: Iterable<readonly [string, Value]>,
  found: (name: string) => readonly number[],
  known: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const symbols = new Map(known);
  const shapes = [...inputs].map(([name, { shape }]) => ({ name, wanted: shape, fed: found(name) }));
  for (const { wanted, fed } of shapes) {
    wanted.forEach((dim, axis) => {
      const size = fed[axis];
      if (typeof dim !== "number" && size !== undefined && !symbols.has(dim.key)) symbols.set(dim.key, size);
    });
  }
  for (const { name, wanted, fed } of shapes) {
    const sizes = sizesIn(symbols)(wanted);
    if (sizes.join() !== fed.join())
      throw new Error(`input "${name}" has the shape [${fed.join(", ")}]: [${sizes.join(", ")}] is needed`);
  }
  return symbols;
}
