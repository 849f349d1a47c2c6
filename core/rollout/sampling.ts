/**
 * One token from one row of next-token probabilities, with both log-probs. Nothing here knows of models or sessions.
 */
import { DivergedError } from "../learner/diverged-error.ts";
import type { Random } from "../math/random.ts";
import type { SamplingSettings } from "./engine.ts";
import { createTruncationScratch, keepTopK, keepTopP } from "./truncation.ts";

/** A drawn token. */
export interface Draw {
  readonly token: number;
  /** log of its share of the whole row: before bans, top-k and top-p. */
  readonly logProb: number;
  /** log of its share of what bans, top-k and top-p left: the distribution it was drawn from. 0 when greedy. */
  readonly behaviourLogProb: number;
}

/** The settings that a single draw depends on. */
export type DrawSettings = Pick<SamplingSettings, "temperature" | "topP" | "topK" | "bannedTokens">;

/**
 * Draws from one row of probabilities, [V], the temperature already applied; they need not sum to exactly 1 (a float32
 * softmax does not). `uniform` in [0, 1) decides; greedy ignores it. Throws if the row holds a negative number or NaN,
 * or if bans leave nothing.
 */
export type RowSampler = (probabilities: Float32Array, uniform: number) => Draw;

/** Throws a RangeError that names the first setting out of its range. */
const checkDrawSettings = (vocabulary: number, { temperature, topP, topK, bannedTokens }: DrawSettings): void => {
  if (!(temperature >= 0 && temperature < Infinity))
    throw new RangeError(`The sampling temperature is ${temperature}: give 0 (greedy) or more`);
  if (!(topP > 0 && topP <= 1))
    throw new RangeError(`topP is ${topP}: give a number above 0 and at most 1 (1 keeps all tokens)`);
  if (!(Number.isInteger(topK) && topK >= 0))
    throw new RangeError(`topK is ${topK}: give a whole number, 0 keeps all tokens`);
  for (const token of bannedTokens) {
    if (!(Number.isInteger(token) && token >= 0 && token < vocabulary)) {
      throw new RangeError(`Banned token ${token} is not in the vocabulary of ${vocabulary} tokens`);
    }
  }
  if (new Set(bannedTokens).size === vocabulary)
    throw new RangeError(`All ${vocabulary} tokens are banned: nothing is left to sample`);
};

/**
 * A sampler for rows of `vocabulary` tokens. The order is bans, top-k, top-p, as in transformers and vLLM, each on what
 * the one before left. The draw inverts the cumulative sum in float64 over the kept tokens in index order: exact to the
 * rounding of that sum.
 */
export const createRowSampler = (vocabulary: number, settings: DrawSettings): RowSampler => {
  const scratch = createTruncationScratch(vocabulary);
  checkDrawSettings(vocabulary, settings);
  const { temperature, topP, topK } = settings;
  const banned = [...new Set(settings.bannedTokens)];
  const { row } = scratch;
  return (probabilities, uniform) => {
    if (probabilities.length !== vocabulary) {
      throw new RangeError(
        `The sampler got ${probabilities.length} probabilities, the vocabulary has ${vocabulary} tokens`,
      );
    }
    const total = totalOf(probabilities);
    row.set(probabilities);
    for (const token of banned) row[token] = 0;
    if (temperature === 0) {
      const token = indexOfLargest(row);
      requireMass(row[token]!, banned.length);
      return { token, logProb: Math.log(row[token]! / total), behaviourLogProb: 0 };
    }
    keepTopK(scratch, topK);
    keepTopP(scratch, topP);
    const mass = sumOf(row);
    requireMass(mass, banned.length);
    const token = invertCumulative(row, uniform * mass);
    return { token, logProb: Math.log(row[token]! / total), behaviourLogProb: Math.log(row[token]! / mass) };
  };
};

/**
 * Uniform in [0, 1) with 53 bits for one position of a response's key: 32 bits alone would give tokens rarer than 2⁻³²
 * a wrong share.
 */
export const uniformAt = (random: Random, position: number): number => {
  const high = Math.floor(random.uniform(2 * position) * 2 ** 32);
  const low = Math.floor(random.uniform(2 * position + 1) * 2 ** 21);
  return (high * 2 ** 21 + low) / 2 ** 53;
};

/**
 * Softmax of one row of logits at a temperature (0 counts as 1), [V], into `out` and float32. For rows whose graph
 * returns logits.
 */
export const softmaxInto = (logits: Float32Array, temperature: number, out: Float32Array): void => {
  const scale = temperature === 0 ? 1 : 1 / temperature;
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let total = 0;
  for (let index = 0; index < logits.length; index++) {
    const value = Math.exp((logits[index]! - largest) * scale);
    out[index] = value;
    total += value;
  }
  for (let index = 0; index < logits.length; index++) out[index]! /= total;
};

/** The row's sum in float64, every value checked. */
const totalOf = (row: Float32Array): number => {
  let total = 0;
  for (let index = 0; index < row.length; index++) {
    const value = row[index]!;
    if (!(value >= 0)) {
      throw new DivergedError(
        `The probability of token ${index} is ${value}: the model's output is not a distribution (its weights may have diverged)`,
      );
    }
    total += value;
  }
  if (!(total > 0 && total < Infinity))
    throw new Error(`The next-token probabilities sum to ${total}: the model's output is not a distribution`);
  return total;
};

const sumOf = (row: Float32Array): number => {
  let sum = 0;
  for (let index = 0; index < row.length; index++) sum += row[index]!;
  return sum;
};

const requireMass = (mass: number, banned: number): void => {
  if (!(mass > 0))
    throw new Error(`The ${banned} banned tokens hold all of the probability: nothing is left to sample`);
};

/** First index of the largest value. */
const indexOfLargest = (row: Float32Array): number => {
  let best = 0;
  for (let index = 1; index < row.length; index++) if (row[index]! > row[best]!) best = index;
  return best;
};

/**
 * First index whose cumulative sum exceeds `target`; the last non-zero one should rounding keep the sum at or below it.
 */
const invertCumulative = (row: Float32Array, target: number): number => {
  let cumulative = 0;
  let last = 0;
  for (let index = 0; index < row.length; index++) {
    const value = row[index]!;
    if (value === 0) continue;
    cumulative += value;
    if (cumulative > target) return index;
    last = index;
  }
  return last;
};
