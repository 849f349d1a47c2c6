/**
 * Block-wise dynamic quantization to 8 bits (Dettmers et al., arXiv:2110.02861): a block of 256 numbers is divided by
 * its largest magnitude, and each quotient is the nearest of 256 values that are dense near 0 in every decade down to
 * 1e-7.
 */

/** Numbers that share a scale. */
export const blockSize = 256;

/** "signed" for means of gradients, "unsigned" for means of their squares, which have no use for a sign. */
export type CodeRange = "signed" | "unsigned";

/** An array in 8 bits: value i is table[codes[i]] · scales[⌊i / 256⌋]. */
export interface QuantizedArray {
  readonly codes: Uint8Array;
  /** Largest magnitude of each block. */
  readonly scales: Float32Array;
}

const decades = 7;

/**
 * The values that codes stand for, ascending. Decade 10^(d−6), d = 0 … 6, holds the middles of 2^d (unsigned: 2^(d+1))
 * equal parts of [0.1, 1], signed ones with either sign; besides there are 0 and 1. There is no −1.
 */
export function codeTable(range: CodeRange): Float32Array {
  const values = [0, 1];
  for (let decade = 0; decade < decades; decade++) {
    const parts = 2 ** (range === "signed" ? decade : decade + 1);
    for (let part = 0; part < parts; part++) {
      const value = 10 ** (decade - decades + 1) * (0.1 + (0.9 * (part + 0.5)) / parts);
      values.push(value, ...(range === "signed" ? [-value] : []));
    }
  }
  return Float32Array.from(values).sort();
}

export const emptyQuantized = (length: number): QuantizedArray => ({
  codes: new Uint8Array(length),
  scales: new Float32Array(Math.ceil(length / blockSize)),
});

/** Quantizes and restores stretches of arrays that begin at a multiple of the block size. */
export class BlockQuantizer {
  readonly #range: CodeRange;
  readonly #values: Float32Array;
  /** Half way between a value and the next one. */
  readonly #borders: Float32Array;
  /**
   * By the upper 16 bits of a float32, the code of the smallest magnitude that has them: at most one border lies among
   * the others.
   */
  readonly #begin = new Uint8Array(2 ** 16);
  readonly #float = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#float.buffer);

  constructor(range: CodeRange) {
    this.#range = range;
    this.#values = codeTable(range);
    this.#borders = this.#values.map((value, i) =>
      i === 255 ? Infinity : (value + (this.#values[i + 1] as number)) / 2,
    );
    for (let upper = 0; upper < this.#begin.length; upper++) {
      // Of a negative number the lowest value has all lower bits set.
      this.#bits[0] = (upper << 16) | (upper >= 2 ** 15 ? 0xffff : 0);
      const lowest = this.#float[0] as number;
      if (Number.isFinite(lowest)) this.#begin[upper] = this.#search(lowest);
    }
  }

  /** Write the numbers that codes stand for, from `start` on, into `into`. */
  restore({ codes, scales }: QuantizedArray, start: number, into: Float32Array): void {
    for (let at = 0; at < into.length; at += blockSize) {
      const scale = scales[(start + at) / blockSize] as number;
      const end = Math.min(into.length, at + blockSize);
      for (let i = at; i < end; i++) into[i] = (this.#values[codes[start + i] as number] as number) * scale;
    }
  }

  /** Quantize `numbers` into the place from `start` on. */
  quantize(numbers: Float32Array, { codes, scales }: QuantizedArray, start: number): void {
    // The nearest value of a small second moment would be 0, and what is divided by its root without bound.
    const leastCode = this.#range === "unsigned" ? 1 : 0;
    for (let at = 0; at < numbers.length; at += blockSize) {
      const end = Math.min(numbers.length, at + blockSize);
      let scale = 0;
      for (let i = at; i < end; i++) scale = Math.max(scale, Math.abs(numbers[i] as number));
      scales[(start + at) / blockSize] = scale;
      for (let i = at; i < end; i++) {
        const number = numbers[i] as number;
        codes[start + i] = number === 0 ? this.#zero : Math.max(leastCode, this.#codeOf(number / scale));
      }
    }
  }

  get #zero(): number {
    return this.#range === "signed" ? 127 : 0;
  }

  #codeOf(value: number): number {
    this.#float[0] = value;
    const code = this.#begin[(this.#bits[0] as number) >>> 16] as number;
    return (this.#float[0] as number) > (this.#borders[code] as number) ? code + 1 : code;
  }

  /** How many borders lie below a value. */
  #search(value: number): number {
    let [low, high] = [0, 255];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value > (this.#borders[middle] as number)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
