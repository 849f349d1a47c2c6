/** Numbers of alternating measurements. */

export interface Paired {
  /** Medians of both sides. */
  readonly a: number;
  readonly b: number;
  /** a / b, and the lowest and highest of the pairs. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

export function paired(a: readonly number[], b: readonly number[]): Paired {
  const ratios = a.map((value, i) => value / b[i]!);
  return {
    a: median(a),
    b: median(b),
    ratio: median(a) / median(b),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  };
}

/** Least squares of y = intercept + slope · x. */
export function slope(
  x: readonly number[],
  y: readonly number[],
): { readonly slope: number; readonly intercept: number; readonly r2: number } {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const sxy = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
  const sxx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  const syy = y.reduce((sum, value) => sum + (value - my) ** 2, 0);
  return { slope: sxy / sxx, intercept: my - (sxy / sxx) * mx, r2: sxy ** 2 / (sxx * syy) };
}
