import { describe, expect, test } from "vitest";
import {
  BlockQuantizer,
  blockSize,
  type CodeRange,
  codeTable,
  emptyQuantized,
} from "../../../../core/learner/optimizer/block-quantization.ts";
import { createRandom } from "../../../../core/math/random.ts";

const ranges = ["signed", "unsigned"] as const;

function roundTrip(range: CodeRange, numbers: Float32Array): Float32Array {
  const [quantizer, quantized, out] = [
    new BlockQuantizer(range),
    emptyQuantized(numbers.length),
    new Float32Array(numbers.length),
  ];
  quantizer.quantize(numbers, quantized, 0);
  quantizer.restore(quantized, 0, out);
  return out;
}

/** Normal numbers over six decades; squares where there is no sign. */
const numbersOf = (range: CodeRange, count: number): Float32Array => {
  const draws = createRandom(3).key("numbers");
  return Float32Array.from(
    { length: count },
    (_, i) => (draws.uniform(2 * i) - 0.5) * 10 ** (-6 * draws.uniform(2 * i + 1)),
  ).map((x) => (range === "signed" ? x : x * x));
};

describe.each(ranges)("%s codes", (range) => {
  const table = codeTable(range);

  test("are 256 values from one decade above 1e-7 to 1, ascending, 0 among them", () => {
    expect(new Set(table).size).toBe(256);
    expect([...table]).toEqual([...table].sort((a, b) => a - b));
    expect(table[range === "signed" ? 127 : 0]).toBe(0);
    expect(table[255]).toBe(1);
    // The middles of the first part of the lowest decade, and of the last part of the highest one.
    expect(table[range === "signed" ? 128 : 1]).toBeCloseTo(range === "signed" ? 5.5e-7 : 3.25e-7, 12);
    expect(table[254]).toBeCloseTo(range === "signed" ? 0.99296875 : 0.996484375, 7);
  });

  test("a number becomes the nearest value of its block's scale, whatever its size", () => {
    const numbers = numbersOf(range, 3 * blockSize + 17);
    const restored = roundTrip(range, numbers);
    for (const [i, number] of numbers.entries()) {
      const block = numbers.subarray(
        Math.floor(i / blockSize) * blockSize,
        (Math.floor(i / blockSize) + 1) * blockSize,
      );
      const scale = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const least = range === "unsigned" ? 1 : 0;
      const nearest = Math.min(...[...table].slice(least).map((value) => Math.abs(value * scale - number)));
      expect(Math.abs(restored[i]! - number)).toBeLessThanOrEqual(
        nearest + 1e-6 * scale * Math.max(1e-4, Math.abs(number) / scale),
      );
    }
  });

  test("values, borders' neighbours and zeros keep their place", () => {
    expect([...roundTrip(range, table)]).toEqual([...table].map((value) => value));
    expect([...roundTrip(range, new Float32Array(300))]).toEqual(Array(300).fill(0));
  });
});

test("a second moment above 0 never becomes 0", () => {
  expect(roundTrip("unsigned", Float32Array.of(1, 1e-30, 0))[1]).toBeCloseTo(3.25e-7, 12);
  expect(roundTrip("unsigned", Float32Array.of(1, 1e-30, 0))[2]).toBe(0);
});
