/** Scores of several samples per question, and how sure they are. */
import { permutation, type Random } from "@papo/core";

/** A mean with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The chance that at least one of k answers, drawn from n without putting back, is right when c of n are: 1 − C(n − c, k) / C(n, k), unbiased for samples of
 * the same policy (Chen et al., arXiv:2107.03374, Eq. 1).
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(k >= 1 && k <= n && c >= 0 && c <= n)) throw new RangeError(`pass@${k} of ${c} right ones among ${n}: k must be between 1 and n, and c between 0 and n`);
  let none = 1;
  for (let i = 0; i < k; i++) none *= (n - c - i) / (n - i);
  return n - c < k ? 1 : 1 - none;
}

/** An answer as it is voted for. Null: none was given, and nobody votes for it. */
export interface Vote {
  readonly answer: string | null;
  readonly right: boolean;
}

/** Subsets that are all looked at; of more this many are drawn. */
const mostSubsets = 1000;

/** The share of subsets of k answers whose commonest answer is right; of several equally common ones each counts in part. Where there are over 1,000 subsets, of 1,000 drawn ones. */
export function majorityAtK(votes: readonly Vote[], k: number, random: Random): number {
  if (!(k >= 1 && k <= votes.length)) throw new RangeError(`maj@${k} of ${votes.length} answers: k must be between 1 and their number`);
  const draws = subsetCount(votes.length, k) <= mostSubsets
    ? subsets(votes, k)
    : Array.from({ length: mostSubsets }, (_, draw) => [...permutation(random.key(draw), votes.length).subarray(0, k)].map((index) => votes[index]!));
  return draws.reduce((total, chosen) => total + majorityRight(chosen), 0) / draws.length;
}

/** C(n, k), as far as a number can tell. */
function subsetCount(n: number, k: number): number {
  let count = 1;
  for (let i = 1; i <= k; i++) count *= (n - k + i) / i;
  return Math.round(count);
}

function subsets<T>(items: readonly T[], k: number): T[][] {
  if (k === 0) return [[]];
  return items.flatMap((item, index) => subsets(items.slice(index + 1), k - 1).map((rest) => [item, ...rest]));
}

function majorityRight(votes: readonly Vote[]): number {
  const counts = new Map<string, { count: number; readonly right: boolean }>();
  for (const { answer, right } of votes) {
    if (answer === null) continue;
    const entry = counts.get(answer) ?? { count: 0, right };
    entry.count++;
    counts.set(answer, entry);
  }
  const most = Math.max(0, ...[...counts.values()].map(({ count }) => count));
  const winners = [...counts.values()].filter(({ count }) => count === most);
  return winners.length === 0 ? 0 : winners.filter(({ right }) => right).length / winners.length;
}

const resamples = 2000;

/** Mean over questions with its percentile bootstrap interval: questions are drawn again, 2,000 times. NaN of nothing. */
export const meanEstimate = (values: readonly number[], random: Random): Estimate => ratioEstimate(values, values.map(() => 1), random);

/** Sum of one number of each question over the sum of another, with the interval of the same bootstrap; draws whose second sum is 0 are left out. */
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

export interface Difference extends Estimate {
  /** Two-sided, that a difference as large comes about when the two are exchangeable question by question (signs flipped, 2,000 times). */
  readonly p: number;
}

/** Mean of a − b over the same questions, in the same order, with its bootstrap interval. */
export function pairedDifference(a: readonly number[], b: readonly number[], random: Random): Difference {
  if (a.length !== b.length) throw new RangeError(`paired values need the same questions: ${a.length} and ${b.length}`);
  const differences = a.map((value, index) => value - b[index]!);
  const observed = Math.abs(mean(differences));
  const signs = random.key("signs");
  let extreme = 1;
  for (let draw = 0; draw < resamples; draw++) {
    const own = signs.key(draw);
    const flipped = differences.reduce((total, value, index) => total + (own.uniform(index) < 0.5 ? value : -value), 0) / differences.length;
    if (Math.abs(flipped) >= observed - 1e-12) extreme++;
  }
  return { ...meanEstimate(differences, random.key("bootstrap")), p: extreme / (resamples + 1) };
}

/** Agreement of two raters beyond chance, of counts [first rater's class, second's]: (p_o − p_e) / (1 − p_e) (Cohen 1960); 1 where chance alone would agree fully. */
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
