/** Position embeddings of another grid than they were made for: bicubic, as torch's interpolate. */

/**
 * torch's two bicubic kernels: without antialiasing a = −0.75 over four neighbours; with it a = −0.5, widened where the
 * grid shrinks.
 */
export type Interpolation = "plain" | "antialiased";

/**
 * [1 + rows·columns, size]: the CLS token's as it is, those of the patches interpolated.
 * @param embeddings [1 + side², size]
 */
export function interpolatePositions(
  embeddings: Float32Array,
  side: number,
  size: number,
  rows: number,
  columns: number,
  how: Interpolation,
): Float32Array {
  if (rows === side && columns === side) return embeddings;
  const out = new Float32Array((1 + rows * columns) * size);
  out.set(embeddings.subarray(0, size));
  const taps = how === "plain" ? fourTaps : widenedTaps;
  const [down, across] = [taps(side, rows), taps(side, columns)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const into = (1 + row * columns + column) * size;
      for (const [fromRow, weightRow] of down[row]!) {
        for (const [fromColumn, weightColumn] of across[column]!) {
          const from = (1 + fromRow * side + fromColumn) * size;
          for (let i = 0; i < size; i++) out[into + i]! += weightRow * weightColumn * embeddings[from + i]!;
        }
      }
    }
  }
  return out;
}

type Taps = [index: number, weight: number][];

/** For each of `to` places, the four of `from` around it with their weights; beyond the border the border counts. */
function fourTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, place) => {
    const centre = ((place + 0.5) * from) / to - 0.5;
    const below = Math.floor(centre);
    return [-1, 0, 1, 2].map((offset) => [
      Math.min(from - 1, Math.max(0, below + offset)),
      cubic(Math.abs(centre - below - offset), -0.75),
    ]);
  });
}

/** For each of `to` places, all of `from` within the kernel's reach, their weights summing to 1. */
function widenedTaps(from: number, to: number): Taps[] {
  const stretch = Math.max(1, from / to);
  return Array.from({ length: to }, (_, place) => {
    const centre = ((place + 0.5) * from) / to;
    const first = Math.max(0, Math.trunc(centre - 2 * stretch + 0.5));
    const last = Math.min(from, Math.trunc(centre + 2 * stretch + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) =>
      cubic(Math.abs(first + k - centre + 0.5) / stretch, -0.5),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight, k) => [first + k, weight / sum]);
  });
}

/** The cubic convolution kernel (Keys 1981), x ≥ 0. */
function cubic(x: number, a: number): number {
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}
