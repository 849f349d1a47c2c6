import { describe, expect, test } from "vitest";
import {
  at,
  dimText,
  monomials,
  plus,
  sameDim,
  sameShape,
  shapeText,
  sizeOf,
  symbol,
  times,
} from "../../../core/graph/dims.ts";

const [B, P, N] = [symbol("B"), symbol("P"), symbol("N")];

describe("sizes", () => {
  test("are equal when they are the same polynomial, however they were made", () => {
    expect(sameDim(times(plus(B, 2), plus(P, N)), plus(times(P, B), times(N, B), times(2, N), times(P, 2)))).toBe(true);
    expect(sameDim(times(B, P), times(B, N))).toBe(false);
    expect(dimText(plus(times(P, B), 1, B, B))).toBe("1+2*B+B*P");
  });

  test("become numbers where no symbol is left", () => {
    expect(times(2, 3, 4)).toBe(24);
    expect(plus(B, 5, times(-1, B))).toBe(5);
    expect(times(B, 0)).toBe(0);
  });

  test("of a shape multiply, and axes count from both ends", () => {
    expect(sameDim(sizeOf([B, 4, P]), times(4, B, P))).toBe(true);
    expect(at([B, 4, P], -2)).toBe(4);
    expect(sameShape([B, 1], [B, 1])).toBe(true);
    expect(sameShape([B, 1], [B])).toBe(false);
    expect(() => at([B], 1)).toThrow(`shape ${shapeText([B])} has no axis 1`);
  });

  test("give an executor their monomials", () => {
    expect(monomials(plus(times(3, B, P), 7) as ReturnType<typeof symbol>)).toEqual([
      { symbols: [], coefficient: 7 },
      { symbols: ["B", "P"], coefficient: 3 },
    ]);
  });
});
