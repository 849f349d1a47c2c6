/** W + scale · B·A: weights with their adapters merged in. */
import type { Weights } from "../model.ts";
import { type Adapter, factorNames } from "./adapter.ts";

/** An adapter with its factors. */
export interface Factors {
  readonly adapter: Adapter;
  readonly weights: Weights;
}

/** Add an adapter's part of a weight to its values [out, in], in place, summed in double precision. */
export function mergeInto(data: Float32Array, weight: string, { adapter, weights }: Factors): void {
  const adapted = adapter.weights.get(weight);
  if (adapted === undefined) return;
  const { a, b } = factorNames(weight, adapter.name);
  const {
    data: down,
    shape: [rank = 0, width = 0],
  } = weights.get(a)!;
  const { data: up } = weights.get(b)!;
  const row = new Float64Array(width);
  for (let start = 0, at = 0; start < data.length; start += width, at += rank) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = adapted.scale * (up[at + k] as number);
      for (let column = 0; column < width; column++) row[column]! += factor * (down[k * width + column] as number);
    }
    for (let column = 0; column < width; column++) data[start + column]! += row[column] as number;
  }
}

/** Copies of the weights that have an adapter, with it merged in; the others as they are. */
export function mergedWeights(weights: Weights, adapters: readonly Factors[]): Weights {
  return new Map(
    [...weights].map(([name, weight]) => {
      const own = adapters.filter(({ adapter }) => adapter.weights.has(name));
      if (own.length === 0) return [name, weight];
      const data = weight.data.slice();
      for (const adapter of own) mergeInto(data, name, adapter);
      return [name, { shape: weight.shape, data }];
    }),
  );
}
