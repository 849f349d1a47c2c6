import { describe, expect, test } from "vitest";
import {
  roundToBfloat16,
  roundToFloat16,
  widenBfloat16,
  widenFloat16,
} from "../../../../core/model/files/float-formats.ts";

const allBits = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

describe("bfloat16", () => {
  test("every value survives widening and rounding; NaNs become one NaN", () => {
    const wide = new Float32Array(65536);
    widenBfloat16(allBits, wide);
    const back = roundToBfloat16(wide);
    expect(back).toEqual(allBits.map((bits) => (Number.isNaN(wide[bits]) ? 0x7fc0 : bits)));
  });

  test("rounds to nearest, ties to even", () => {
    const unit = 2 ** -7; // the spacing of bfloat16 values just above 1
    const values = Float32Array.of(
      1 + unit / 2,
      1 + 1.5 * unit,
      1 + 0.49 * unit,
      1 + 0.51 * unit,
      -1 - unit / 2,
      3.4e38,
    );
    const wide = new Float32Array(values.length);
    widenBfloat16(roundToBfloat16(values), wide);
    expect([...wide]).toEqual([1, 1 + 2 * unit, 1, 1 + unit, -1, Infinity]);
  });
});

describe("float16", () => {
  test("every value survives widening and rounding", () => {
    const wide = new Float32Array(65536);
    widenFloat16(allBits, wide);
    const back = roundToFloat16(wide);
    expect(allBits.filter((bits) => !Number.isNaN(wide[bits]) && back[bits] !== bits)).toEqual(new Uint16Array(0));
  });

  test("rounds to the nearest value, of two the even one: at, below and above the half steps of every exponent", () => {
    const words = [0x000, 0x001, 0xfff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x3001].flatMap((low) =>
      Array.from({ length: 2048 }, (_, high) => ((high << 21) | (high << 13) | low) >>> 0),
    );
    // Where float16 is subnormal its half steps stand at every bit of the fraction.
    for (let exponent = 100; exponent < 114; exponent++) {
      for (let bit = 0; bit < 23; bit++)
        for (const off of [-1, 0, 1]) words.push(((exponent << 23) | (1 << bit)) + off);
    }
    const values = new Float32Array(Uint32Array.from(words).buffer);
    const known = new Float32Array(65536);
    widenFloat16(allBits, known);
    // What infinity stands for where values are rounded: one step more than the largest.
    known[0x7c00] = 2 ** 16;
    const nearest = (value: number): number => {
      if (Number.isNaN(value)) return 0x7e00;
      const [sign, size] = [Object.is(Math.sign(value), -1) || Object.is(value, -0) ? 0x8000 : 0, Math.abs(value)];
      let [low, high] = [0, 0x7c00];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (known[middle]! <= size) low = middle;
        else high = middle;
      }
      const [below, above] = [size - known[low]!, known[high]! - size];
      const bits = below < above || (below === above && low % 2 === 0) ? low : high;
      return sign | bits;
    };
    const bits = roundToFloat16(values);
    expect([...values].filter((value, i) => bits[i] !== nearest(value))).toEqual([]);
  });

  test("rounds to nearest even, keeps subnormals, overflows to infinity", () => {
    const values = Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -24, 2 ** -25, 65504, 65520, NaN);
    const wide = new Float32Array(values.length);
    widenFloat16(roundToFloat16(values), wide);
    expect([...wide]).toEqual([1, 1 + 2 ** -9, 2 ** -24, 0, 65504, Infinity, NaN]);
  });
});
