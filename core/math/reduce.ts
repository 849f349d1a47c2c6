/** How a term [B, T] becomes a number. */
import { cast, div, mean, mul, sum, tensor1d, where, zerosLike } from "@tensorflow/tfjs-core";
import type { Scalar, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { peek } from "./tensor-numbers.ts";

/** How [B, T] becomes a number. m is the mask, n_b the tokens of row b. */
export type Reduction =
  /** Σ x·m / max(1, Σ m): every token counts the same (arXiv:2503.14476). */
  | "token_mean"
  /** mean over all B rows of Σ_t x·m / max(1, n_b) (arXiv:2402.03300; TRL). */
  | "sequence_mean"
  /** The same over rows with n_b > 0 only (verl). */
  | "sequence_mean_nonempty"
  /** mean over all B rows of Σ_t x·m. */
  | "sequence_sum"
  /** Σ x·m / number of rows with n_b > 0. */
  | "sequence_sum_nonempty"
  /** Σ x·m / (B · longest allowed response) (arXiv:2503.20783). */
  | "constant"
  /** Σ x·m / longest allowed response (verl's seq-mean-token-sum-norm until 0.6; later it is "constant"). */
  | "constant_sum";

/** Every reduction, for option schemas. */
export const reductions = [
  "token_mean",
  "sequence_mean",
  "sequence_mean_nonempty",
  "sequence_sum",
  "sequence_sum_nonempty",
  "constant",
  "constant_sum",
] as const satisfies readonly Reduction[];

/**
 * Reduce an array over the tokens that count. Entries outside the mask may be anything, NaN too: they are left out, not
 * multiplied by 0.
 * @param x [B, T]
 * @param mask 1 where the policy wrote a token, [B, T]
 * @param maxNewTokens denominator of the constant reductions
 */
export function reduce(x: Tensor2D, mask: Tensor2D, reduction: Reduction, maxNewTokens: number): Scalar {
  const rows = mask.shape[0];
  const lengths = rowLengths(mask);
  const kept = where<Tensor2D>(cast(mask, "bool"), x, zerosLike(x));
  const tokens = lengths.reduce((total, length) => total + length, 0);
  const nonempty = lengths.filter((length) => length > 0).length;
  switch (reduction) {
    case "token_mean":
      return div(sum(kept), Math.max(1, tokens));
    case "sequence_mean":
      return mean(rowMeans(kept, lengths));
    case "sequence_mean_nonempty":
      return div(sum(rowMeans(kept, lengths)), Math.max(1, nonempty));
    case "sequence_sum":
      return div(sum(kept), rows);
    case "sequence_sum_nonempty":
      return div(sum(kept), Math.max(1, nonempty));
    case "constant":
      return div(sum(kept), rows * maxNewTokens);
    case "constant_sum":
      return div(sum(kept), maxNewTokens);
  }
}

/** Σ_t x / max(1, n_b), [B]. */
function rowMeans(kept: Tensor2D, lengths: readonly number[]): Tensor1D {
  return mul(sum(kept, 1), tensor1d(lengths.map((length) => 1 / Math.max(1, length))));
}

function rowLengths(mask: Tensor2D): number[] {
  const [rows, columns] = mask.shape;
  const values = peek(mask);
  return Array.from({ length: rows }, (_, row) => {
    let length = 0;
    for (let column = 0; column < columns; column++) length += values[row * columns + column]!;
    return length;
  });
}
