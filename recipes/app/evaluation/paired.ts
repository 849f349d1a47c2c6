/**
 * Two sides that answered the same questions: how far they differ, how sure that is, and whether it could be nothing;
 * all three from one procedure.
 */
import { createRandom, type Random } from "@papo/core";
import { mean, varianceOfMean, type Estimate } from "./statistics.ts";

export interface Difference extends Estimate {
  /** Two-sided p of no difference: at most 0.05 exactly where the interval leaves out 0. */
  readonly p: number;
}

/**
 * How far a side's training runs lie apart, as a whole: the standard error of the mean of its seeds, and their number −
 * 1.
 */
export interface SeedLuck {
  readonly error: number;
  readonly degrees: number;
}

/**
 * What a side's seeds have in luck, over and above what they differ by from question to question, which the questions'
 * own spread holds already: the component of seeds in an analysis of variance, (MS_seeds − MS_rest) / n, at least 0.
 * Null of one seed, which tells nothing of it.
 *
 * @param shares of right answers, 0–1, [seeds, questions]
 */
export function luckOf(shares: readonly (readonly number[])[]): SeedLuck | null {
  const [first] = shares;
  if (first === undefined || shares.length < 2 || first.length < 2) return null;
  const seeds = shares.map(mean);
  const questions = first.map((_, question) => mean(shares.map((own) => own[question]!)));
  const all = mean(seeds);
  const rest = shares
    .flatMap((own, seed) => own.map((share, question) => (share - seeds[seed]! - questions[question]! + all) ** 2))
    .reduce((sum, square) => sum + square, 0);
  const variance =
    varianceOfMean(seeds) - rest / (shares.length - 1) / (first.length - 1) / first.length / shares.length;
  return { error: Math.sqrt(Math.max(0, variance)), degrees: shares.length - 1 };
}

/** Subsets of more questions are drawn, so many; of fewer, all 2^n are taken. */
const drawnSubsets = 9999;
const mostExhausted = 13;
/** One-sided, half of what a 95 % interval leaves out. */
const tail = 0.025;

/**
 * Mean of a − b over the same questions, in the same order, with the 95 % interval and p of the sign-flip test: that a
 * question's difference, less the true one, is as likely with either sign. Flipping the signs of a subset of the
 * questions raises the mean, when δ is taken off each difference, exactly where δ is above the mean difference of that
 * subset. So the means of the subsets are the places where the one-sided p changes by one draw, and quantiles of them
 * bound the δ that are not rejected (Hartigan 1969, typical values); p is that of δ = 0. A question's answers count
 * through their share of right ones: questions are what is drawn, answers to one are not independent.
 *
 * @param a shares of right answers, 0–1 each
 * @param random decides the subsets; by default always the same, so that everybody who compares the same answers says
 *   the same
 * @param luck of the sides whose seeds are to be more than those that ran: their draws of Student's distribution widen
 *   the subsets' means
 */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
  random: Random = createRandom(1).key("difference"),
  luck: readonly (SeedLuck | null)[] = [],
): Difference {
  if (a.length !== b.length) throw new RangeError(`paired values need the same questions: ${a.length} and ${b.length}`);
  const differences = a.map((value, index) => value - b[index]!);
  const value = mean(differences);
  const spread = luck.filter((one) => one !== null && one.error > 0) as readonly SeedLuck[];
  const exhausts = differences.length <= mostExhausted && spread.length === 0;
  const means = exhausts ? allSubsetMeans(differences) : drawnSubsetMeans(differences, random.key("subsets"));
  for (const [side, one] of spread.entries())
    for (const draw of means.keys()) means[draw]! += one.error * student(one.degrees, random.key("luck", side, draw));
  means.sort();
  // No flip at all is one more arrangement, as extreme as what was seen.
  const arrangements = means.length + 1;
  const least = Math.floor(tail * arrangements + 1e-9);
  const [low, high] = least === 0 ? [-1, 1] : [means[least - 1]!, means[means.length - least]!];
  const above = 1 + means.filter((one) => one <= 1e-12).length;
  const below = 1 + means.filter((one) => one >= -1e-12).length;
  return {
    value,
    low: settled(Math.max(-1, low)),
    high: settled(Math.min(1, high)),
    p: Math.min(1, (2 * Math.min(above, below)) / arrangements),
  };
}

/** A rounding error of 0 is 0. */
const settled = (bound: number): number => (Math.abs(bound) < 1e-12 ? 0 : bound);

/** Of every subset but the empty one. */
function allSubsetMeans(values: readonly number[]): Float64Array {
  const subsets = 2 ** values.length;
  const [sums, counts] = [new Float64Array(subsets), new Uint8Array(subsets)];
  for (let subset = 1; subset < subsets; subset++) {
    const rest = subset & (subset - 1);
    sums[subset] = sums[rest]! + values[31 - Math.clz32(subset ^ rest)]!;
    counts[subset] = counts[rest]! + 1;
  }
  return sums.subarray(1).map((sum, index) => sum / counts[index + 1]!);
}

/** Of drawn subsets, each question in it or not with equal chance; an empty one is drawn again. */
function drawnSubsetMeans(values: readonly number[], random: Random): Float64Array {
  const differing = values.filter((value) => value !== 0);
  const words = Math.ceil(values.length / 32);
  const last = 0xffffffff >>> (32 * words - values.length);
  const means = new Float64Array(drawnSubsets);
  for (let draw = 0, at = 0; draw < drawnSubsets; at++) {
    const own = random.key(at);
    let [sum, count] = [0, 0];
    for (let word = 0; word < words; word++) {
      let bits = Math.floor(own.uniform(word) * 2 ** 32) & (word === words - 1 ? last : -1);
      for (; bits !== 0; bits &= bits - 1) {
        count++;
        sum += differing[32 * word + 31 - Math.clz32(bits & -bits)] ?? 0;
      }
    }
    if (count > 0) means[draw++] = sum / count;
  }
  return means;
}

/** A draw of Student's distribution. */
function student(degrees: number, random: Random): number {
  const normal = (position: number): number =>
    Math.sqrt(-2 * Math.log1p(-random.uniform(2 * position))) *
    Math.cos(2 * Math.PI * random.uniform(2 * position + 1));
  let squares = 0;
  for (let one = 1; one <= degrees; one++) squares += normal(one) ** 2;
  return normal(0) / Math.sqrt(squares / degrees);
}
