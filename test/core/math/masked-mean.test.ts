import "@papo/core/testing";
import { tensor2d } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { maskedMean, maskedShare } from "../../../core/math/masked-mean.ts";
import { sampledEntropy } from "../../../core/math/entropy.ts";

describe("maskedMean", () => {
  it("looks at nothing outside the mask, and is 0 of nothing", () => {
    expect(maskedMean([1, Number.NaN, 3], [1, 0, 1])).toBe(2);
    expect(maskedMean([Number.NaN], [0])).toBe(0);
    expect(
      maskedMean(
        tensor2d([
          [1, 2],
          [3, 9],
        ]),
        tensor2d([
          [1, 1],
          [1, 0],
        ]),
      ),
    ).toBe(2);
    expect(() => maskedMean([1], [1, 1])).toThrow("found 1 and 2");
  });

  it("counts shares", () => {
    expect(maskedShare([1, 1, 0, 1], (index) => index > 0)).toBeCloseTo(2 / 3, 12);
  });

  it("of −log π estimates entropy", () => {
    expect(maskedMean(sampledEntropy(tensor2d([[-1, -3]])), [1, 1])).toBe(2);
  });
});
