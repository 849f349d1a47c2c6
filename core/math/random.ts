/**
 * Counter-based random numbers: a draw depends on its key and position alone, never on what was drawn before.
 * The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * This file imports nothing, so that a worker can load it alone.
 */
/** A place in a run's randomness: keys lead on from it, positions are drawn at it. */
export interface Random {
  /** The sub-generator of these names and numbers. */
  key(...parts: readonly (string | number)[]): Random;
  /** Uniform in [0, 1), 32 bits, at a position of this key. @unit 0 to 1 */
  uniform(position: number): number;
  /** The key itself: all a sampler needs. @unit two 32-bit words */
  readonly words: readonly [number, number];
}

/** Four 32-bit words. */
export type Block = [number, number, number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The upper 32 bits of a 64-bit product: sixteen bits at a time, since a double holds 53. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  return a1 * b1 + Math.floor(middle / 0x10000) + (((a0 * b1 + (middle & 0xffff)) / 0x10000) >>> 0);
}

/** Philox4x32-10 of a counter under a key; writes the four words, unsigned, into `out`. */
export function philox(counter: Readonly<Block>, key: readonly [number, number], out: Block): Block {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0 >>> 0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2 >>> 0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = c0 >>> 0;
  out[1] = c1 >>> 0;
  out[2] = c2 >>> 0;
  out[3] = c3 >>> 0;
  return out;
}

const TAG_NUMBER = 1;
const TAG_STRING = 2;
const float64 = new Float64Array(1);
const float64Words = new Uint32Array(float64.buffer);

/**
 * The key of a sub-generator: the parts are absorbed one after the other into the 64-bit key, each block of 64 bits as
 * the counter of one Philox call whose first two output words are the new key. A string is its UTF-16 units, four to a
 * block, with its length; a number is its float64 bits. Type, block index and length are in the counter too, so that
 * ("ab", "c"), ("a", "bc") and ("abc") differ.
 */
function absorb(words: readonly [number, number], part: string | number, out: Block): [number, number] {
  if (typeof part === "number") {
    if (!Number.isFinite(part)) throw new RangeError(`A random key needs finite numbers, found ${part}`);
    float64[0] = part === 0 ? 0 : part;
    philox([float64Words[0]!, float64Words[1]!, TAG_NUMBER, 0], words, out);
    return [out[0], out[1]];
  }
  let key: [number, number] = [words[0], words[1]];
  const unit = (index: number): number => (index < part.length ? part.charCodeAt(index) : 0);
  for (let start = 0; start === 0 || start < part.length; start += 4) {
    const low = unit(start) | (unit(start + 1) << 16);
    const high = unit(start + 2) | (unit(start + 3) << 16);
    philox([low, high, TAG_STRING + start, part.length], key, out);
    key = [out[0], out[1]];
  }
  return key;
}

class PhiloxRandom implements Random {
  readonly words: readonly [number, number];
  readonly #block: Block = [0, 0, 0, 0];
  /** The block last computed: neighbouring positions share one. Not state: it only saves work. */
  #blockIndex = -1;

  constructor(words: readonly [number, number]) {
    this.words = [words[0] >>> 0, words[1] >>> 0];
  }

  key(...parts: readonly (string | number)[]): Random {
    const out: Block = [0, 0, 0, 0];
    let words: readonly [number, number] = this.words;
    for (const part of parts) words = absorb(words, part, out);
    return new PhiloxRandom(words);
  }

  uniform(position: number): number {
    const index = Math.floor(position / 4);
    if (index !== this.#blockIndex) {
      if (!Number.isSafeInteger(position) || position < 0)
        throw new RangeError(`A position is an integer from 0, found ${position}`);
      philox([index >>> 0, Math.floor(index / 0x100000000), 0, 0], this.words, this.#block);
      this.#blockIndex = index;
    }
    return this.#block[position - index * 4]! / 0x100000000;
  }
}

/**
 * The root generator of a seed.
 * @param seed an integer from 0 to 2⁵³ − 1
 */
export function createRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`A seed is an integer from 0 to 2^53 - 1, found ${seed}`);
  return new PhiloxRandom([seed >>> 0, Math.floor(seed / 0x100000000)]);
}

/** The generator whose key is `words`: what a worker makes of the two numbers it was sent. */
export function randomFromWords(words: readonly [number, number]): Random {
  return new PhiloxRandom(words);
}

/** The numbers 0 … size − 1 in random order (Fisher–Yates; position i of the key decides the i-th exchange). */
export function permutation(random: Random, size: number): Int32Array {
  const order = Int32Array.from({ length: size }, (_, index) => index);
  for (let index = size - 1; index > 0; index--) {
    const other = Math.floor(random.uniform(index) * (index + 1));
    [order[index], order[other]] = [order[other]!, order[index]!];
  }
  return order;
}
