/** Means over the tokens that count, as plain numbers: for metrics. */
import type { Tensor } from "@tensorflow/tfjs-core";
import { peek } from "./tensor-numbers.ts";

/**
 * Σ x·m / Σ m in float64; 0 when no token counts. Entries outside the mask are not looked at.
 * @param values, mask of equal size
 */
export function maskedMean(values: Tensor | ArrayLike<number>, mask: Tensor | ArrayLike<number>): number {
  const x = numbers(values);
  const m = numbers(mask);
  if (x.length !== m.length)
    throw new Error(`maskedMean needs as many values as mask entries, found ${x.length} and ${m.length}`);
  let sum = 0;
  let count = 0;
  for (let index = 0; index < x.length; index++) {
    if (m[index] === 0) continue;
    sum += x[index]! * m[index]!;
    count += m[index]!;
  }
  return count === 0 ? 0 : sum / count;
}

/** Share of the tokens that count for which `holds` is true; 0 when none counts. */
export function maskedShare(mask: Tensor | ArrayLike<number>, holds: (index: number) => boolean): number {
  const m = numbers(mask);
  let sum = 0;
  let count = 0;
  for (let index = 0; index < m.length; index++) {
    if (m[index] === 0) continue;
    if (holds(index)) sum += m[index]!;
    count += m[index]!;
  }
  return count === 0 ? 0 : sum / count;
}

function numbers(values: Tensor | ArrayLike<number>): ArrayLike<number> {
  return "dataSync" in values ? peek(values) : values;
}
