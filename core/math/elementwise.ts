/** Formulas of two arrays with their derivatives written out, computed in float64 where fp32 would cancel. */
import { customGrad, tensor } from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { peek } from "./tensor-numbers.ts";

/** Value and partial derivatives of one element, written into `out`: [f, ∂f/∂a, ∂f/∂b]. */
export type PairFormula = (a: number, b: number, out: Float64Array) => void;

/**
 * f(a, b) for every element, differentiable once in both.
 * @param a, b equal shapes
 */
export function elementwise(a: Tensor2D, b: Tensor2D, formula: PairFormula): Tensor2D {
  if (a.shape.join() !== b.shape.join())
    throw new Error(`elementwise needs equal shapes, found [${a.shape.join()}] and [${b.shape.join()}]`);
  const apply = customGrad((...inputs) => {
    const [left, right] = inputs as [Tensor, Tensor];
    const { values, partialA, partialB } = evaluate(peek(left), peek(right), formula);
    const chain = (upstream: Float32Array, partial: Float64Array): Tensor => {
      // No upstream, no gradient: an infinite derivative of an element that does not count stays out.
      return tensor(
        upstream.map((value, index) => (value === 0 ? 0 : value * partial[index]!)),
        left.shape,
      );
    };
    return {
      value: tensor(values, left.shape),
      gradFunc: (dy: Tensor) => {
        const upstream = peek(dy);
        return [chain(upstream, partialA), chain(upstream, partialB)];
      },
    };
  });
  return apply(a, b) as Tensor2D;
}

function evaluate(
  a: Float32Array,
  b: Float32Array,
  formula: PairFormula,
): { values: Float32Array; partialA: Float64Array; partialB: Float64Array } {
  const values = new Float32Array(a.length);
  const partialA = new Float64Array(a.length);
  const partialB = new Float64Array(a.length);
  const out = new Float64Array(3);
  for (let index = 0; index < a.length; index++) {
    formula(a[index]!, b[index]!, out);
    values[index] = out[0]!;
    partialA[index] = out[1]!;
    partialB[index] = out[2]!;
  }
  return { values, partialA, partialB };
}

/** The same numbers, cut off from whatever they were computed from: a constant of the loss. */
export function detach<T extends Tensor>(x: T): T {
  return tensor(peek(x).slice(), x.shape, x.dtype) as T;
}
