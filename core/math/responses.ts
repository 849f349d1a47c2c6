/** Numbers per response as arrays [B, T]. */
import { tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";

/** The same number for every token of a response, [B] → [B, T]. */
export function overTokens(
  perResponse: ArrayLike<number>,
  { B, T }: { readonly B: number; readonly T: number },
): Tensor2D {
  return tensor2d(
    Float32Array.from({ length: B * T }, (_, index) => perResponse[Math.floor(index / T)]!),
    [B, T],
  );
}

/** Arrays of each response's own length, padded with 0: [B, T], row-major. */
export function padded(perToken: readonly ArrayLike<number>[], T: number): Float32Array {
  const out = new Float32Array(perToken.length * T);
  perToken.forEach((row, index) => out.set(Array.from(row).slice(0, T), index * T));
  return out;
}
