/** Numbers brought to [0, 1]. */

/** (x − min) / (max − min); 0 for all where they are equal, [n]. */
export function minMax(x: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(x);
  const [low, high] = [
    values.reduce((a, b) => Math.min(a, b), Infinity),
    values.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  return values.map((value) => (high > low ? (value - low) / (high - low) : 0));
}

/** The same within each row of [B, T], over entries with mask 1; 0 elsewhere, [B · T]. */
export function minMaxOfRows(
  x: ArrayLike<number>,
  mask: ArrayLike<number>,
  { B, T }: { readonly B: number; readonly T: number },
): Float64Array {
  const out = new Float64Array(B * T);
  for (let row = 0; row < B; row++) {
    const counted = Array.from({ length: T }, (_, t) => row * T + t).filter((at) => mask[at] !== 0);
    minMax(counted.map((at) => x[at]!)).forEach((value, index) => (out[counted[index]!] = value));
  }
  return out;
}
