/** Scores of several samples per question, and how sure they are. */
import type { Random } from "@papo/core";

/** A mean with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The chance that at least one of k answers, drawn from n without putting back, is right when c of n are: 1 − C(n − c,
 * k) / C(n, k), unbiased for samples of the same policy (Chen et al., arXiv:2107.03374, Eq. 1).
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(k >= 1 && k <= n && c >= 0 && c <= n))
    throw new RangeError(`pass@${k} of ${c} right ones among ${n}: k must be between 1 and n, and c between 0 and n`);
  let none = 1;
  for (let i = 0; i < k; i++) none *= (n - c - i) / (n - i);
  return n - c < k ? 1 : 1 - none;
}

/** 97.5 % quantile of the normal distribution. */
const z = 1.959964;

/**
 * Mean over questions of shares in 0–1 with Wilson's interval for as many independent answers as their spread is worth:
 * n = v (1 − v) / s², s² the variance of the mean, so that equal shares of several answers count for more than single
 * answers do. Where the shares do not differ, n is the number of questions: 10 of 10 right are 100 % [72.2, 100.0]. NaN
 * of nothing.
 */
export function shareEstimate(shares: readonly number[]): Estimate {
  const value = mean(shares);
  const variance = varianceOfMean(shares);
  const worth = variance > 0 ? (value * (1 - value)) / variance : shares.length;
  const centre = (value + z ** 2 / (2 * worth)) / (1 + z ** 2 / worth);
  const half = (z / (1 + z ** 2 / worth)) * Math.sqrt((value * (1 - value)) / worth + (z / (2 * worth)) ** 2);
  return { value, low: Math.min(value, Math.max(0, centre - half)), high: Math.max(value, Math.min(1, centre + half)) };
}

/** Variance of the mean of independent draws; 0 of one draw, which tells nothing of it. */
export function varianceOfMean(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1) / values.length;
}

const resamples = 2000;

/**
 * Sum of one number of each question over the sum of another, with its percentile bootstrap interval: questions are
 * drawn again, 2,000 times; draws whose second sum is 0 are left out.
 */
export function ratioEstimate(above: readonly number[], below: readonly number[], random: Random): Estimate {
  const value = sum(above) / sum(below);
  if (above.length < 2) return { value, low: value, high: value };
  const ratios = new Float64Array(resamples);
  const n = above.length;
  const chosen = drawnIndices(n, random);
  for (let draw = 0; draw < resamples; draw++) {
    let [top, bottom] = [0, 0];
    for (let at = draw * n; at < (draw + 1) * n; at++) {
      top += above[chosen[at]!]!;
      bottom += below[chosen[at]!]!;
    }
    ratios[draw] = top / bottom;
  }
  const sorted = ratios.filter((ratio) => Number.isFinite(ratio)).sort();
  return { value, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) };
}

const mostKept = 8_000_000;
/** What was drawn with the same random numbers for as many questions: several estimates of one evaluation share it. */
const drawn = new WeakMap<Random, Map<number, Int32Array>>();

/** Indices of questions, [resamples, n]. */
function drawnIndices(n: number, random: Random): Int32Array {
  const known = drawn.get(random)?.get(n);
  if (known !== undefined) return known;
  const indices = new Int32Array(resamples * n);
  for (let draw = 0; draw < resamples; draw++) {
    const own = random.key(draw);
    for (let index = 0; index < n; index++) indices[draw * n + index] = Math.floor(own.uniform(index) * n);
  }
  // Of very many questions they would take more memory than they save time.
  if (indices.length <= mostKept) drawn.set(random, new Map([...(drawn.get(random) ?? []), [n, indices]]));
  return indices;
}

/**
 * Agreement of two raters beyond chance, of counts [first rater's class, second's]: (p_o − p_e) / (1 − p_e) (Cohen
 * 1960); 1 where chance alone would agree fully.
 */
export function cohensKappa(counts: readonly (readonly number[])[]): number {
  const total = sum(counts.flat());
  const observed = sum(counts.map((row, index) => row[index]!)) / total;
  const expected = sum(counts.map((row, index) => sum(row) * sum(counts.map((other) => other[index]!)))) / total ** 2;
  return expected === 1 ? 1 : (observed - expected) / (1 - expected);
}

/** Linear between the sorted values, as numpy's default. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below]! + (at - below) * (sorted[Math.min(below + 1, sorted.length - 1)]! - sorted[below]!);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
/** NaN of nothing. */
export const mean = (values: readonly number[]): number => sum(values) / values.length;
