/** Means over each response's tokens. */

/** Σ x·m / max(1, Σ m) of each row of [B, T], [B]. */
export function rowMeans(
  x: ArrayLike<number>,
  mask: ArrayLike<number>,
  { B, T }: { readonly B: number; readonly T: number },
): Float64Array {
  return Float64Array.from({ length: B }, (_, row) => {
    let [sum, count] = [0, 0];
    for (let at = row * T; at < (row + 1) * T; at++) if (mask[at] !== 0) [sum, count] = [sum + x[at]!, count + 1];
    return sum / Math.max(1, count);
  });
}
