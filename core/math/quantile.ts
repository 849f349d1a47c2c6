/** Quantiles and ranks over the tokens that count. */

interface Shape {
  readonly B: number;
  readonly T: number;
}

/**
 * Quantile of each row over entries with mask 1, interpolated linearly between neighbours as torch.nanquantile does,
 * [B]; NaN for an empty row.
 * @param q in [0, 1]
 */
export function rowQuantile(x: ArrayLike<number>, mask: ArrayLike<number>, { B, T }: Shape, q: number): Float64Array {
  return Float64Array.from({ length: B }, (_, row) => {
    const values = countedIn(x, mask, row, T)
      .map((at) => x[at]!)
      .sort((a, b) => a - b);
    if (values.length === 0) return Number.NaN;
    // In float32, as torch computes it: a value equal to the quantile must not fall below it by rounding.
    const place = Math.fround(Math.fround(q) * (values.length - 1));
    const [below, above] = [values[Math.floor(place)]!, values[Math.ceil(place)]!];
    return Math.fround(below + Math.fround(place - Math.floor(place)) * (above - below));
  });
}

/** 1 for the `count(n)` largest of each row's n counting entries, 0 elsewhere, [B · T]; of equals the earlier ones. */
export function topOfRows(
  x: ArrayLike<number>,
  mask: ArrayLike<number>,
  { B, T }: Shape,
  count: (n: number) => number,
): Float32Array {
  const chosen = new Float32Array(B * T);
  for (let row = 0; row < B; row++) {
    const counted = countedIn(x, mask, row, T);
    const wanted = count(counted.length);
    for (const at of counted.sort((a, b) => x[b]! - x[a]! || a - b).slice(0, wanted)) chosen[at] = 1;
  }
  return chosen;
}

/** Indices of a row's counting entries. */
function countedIn(x: ArrayLike<number>, mask: ArrayLike<number>, row: number, T: number): number[] {
  if (x.length !== mask.length)
    throw new Error(`quantiles need as many values as mask entries, found ${x.length} and ${mask.length}`);
  return Array.from({ length: T }, (_, t) => row * T + t).filter((at) => mask[at] !== 0);
}
