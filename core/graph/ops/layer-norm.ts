/** Layer normalisation, from other ops and their gradients. */
import { at } from "../dims.ts";
import type { Value } from "../graph.ts";
import { add, affine, exp, log, mul, sub } from "./elementwise.ts";
import { sumLast } from "./broadcast.ts";

/**
 * (x − mean) / √(var + epsilon) · weight + bias over the last axis; x [rows, D], weight and bias [D]
 * (arXiv:1607.06450).
 */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  const size = at(x.shape, 1);
  if (typeof size !== "number") throw new Error("layerNorm: the normalised axis needs a fixed size");
  const centred = sub(x, affine(sumLast(x), 1 / size));
  const variance = affine(sumLast(mul(centred, centred)), 1 / size, epsilon);
  return add(mul(mul(centred, exp(affine(log(variance), -0.5))), weight), bias);
}
