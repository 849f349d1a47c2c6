import { describe, expect, test } from "vitest";
import { roundToBfloat16, roundToFloat16, widenBfloat16, widenFloat16 } from "../../../../core/model/files/float-formats.ts";

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
    const values = Float32Array.of(1 + unit / 2, 1 + 1.5 * unit, 1 + 0.49 * unit, 1 + 0.51 * unit, -1 - unit / 2, 3.4e38);
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

  test("rounds to nearest even, keeps subnormals, overflows to infinity", () => {
    const values = Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -24, 2 ** -25, 65504, 65520, NaN);
    const wide = new Float32Array(values.length);
    widenFloat16(roundToFloat16(values), wide);
    expect([...wide]).toEqual([1, 1 + 2 ** -9, 2 ** -24, 0, 65504, Infinity, NaN]);
  });
});
