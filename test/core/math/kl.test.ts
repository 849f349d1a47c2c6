import "@papo/core/testing";
import { engine, sum, tensor2d } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { USUAL_KL_CLAMPS, klDivergence } from "../../../core/math/kl.ts";
import type { KlClamps, KlEstimator } from "../../../core/math/kl.ts";
import { scoped } from "../../../core/math/scoped.ts";

const FREE: KlClamps = { logRatio: null, result: null };

/** Value and slopes at one token with log π = l and log π_other = l + x. */
function at(
  estimator: KlEstimator,
  x: number,
  clamps: KlClamps = FREE,
  l = 0,
): { value: number; slope: number; other: number } {
  return scoped(() => {
    const [a, b] = [tensor2d([[l]]), tensor2d([[l + x]])];
    const { value, grads } = engine().gradients(() => sum(klDivergence(estimator, a, b, clamps)), [a, b]);
    // −0 and 0 are the same here.
    const [slope, other] = grads.map((gradient) => gradient.dataSync()[0]! + 0) as [number, number];
    return { value: value.dataSync()[0]!, slope, other };
  });
}

describe("klDivergence", () => {
  it.each([
    ["k1", 0.5, -0.5, 1],
    ["k2", 0.5, 0.125, -0.5],
    ["k3", 0.5, Math.exp(0.5) - 1.5, 1 - Math.exp(0.5)],
    ["k3", -3, Math.exp(-3) + 2, 1 - Math.exp(-3)],
    ["k3", 0, 0, 0],
  ] as const)("%s at x = %d", (estimator, x, value, slope) => {
    const found = at(estimator, x);
    expect(found.value).toBeCloseTo(value, 6);
    expect(found.slope).toBeCloseTo(slope, 6);
    expect(found.other).toBeCloseTo(-slope, 6);
  });

  // eˣ − 1 − x in fp32 gives 0 here; the value is x²/2 (1 + x/3 + …).
  it.each([1e-2, 1e-3, 9.9e-4, 1e-4, 1e-6, 1e-12, -1e-5])("k3 keeps its digits at x = %d", (wanted) => {
    const x = Math.fround(wanted);
    expect(at("k3", wanted).value / ((x * x) / 2 + x ** 3 / 6 + x ** 4 / 24 + x ** 5 / 120)).toBeCloseTo(1, 6);
  });

  it("holds ratio and result, with gradient at the very bounds and none beyond", () => {
    expect(at("k1", 21, USUAL_KL_CLAMPS)).toEqual({ value: -10, slope: 0, other: 0 });
    expect(at("k1", 10, USUAL_KL_CLAMPS)).toMatchObject({ value: -10, slope: 1, other: -1 });
    expect(at("k1", 20, { logRatio: 20, result: null })).toMatchObject({ value: -20, slope: 1 });
    expect(at("k1", 20.5, { logRatio: 20, result: null })).toMatchObject({ value: -20, slope: 0 });
    expect(at("k3", 3, USUAL_KL_CLAMPS)).toMatchObject({ value: 10, slope: 0 });
    expect(at("k3", -11.5, USUAL_KL_CLAMPS)).toMatchObject({ value: 10 });
  });

  it("is never negative as k3, whatever the rounding", () => {
    const values = scoped(() => {
      const x = tensor2d(Array.from({ length: 4001 }, (_, index) => [(index - 2000) * 1e-6]));
      return [...klDivergence("k3", tensor2d(new Float32Array(4001), [4001, 1]), x).dataSync()];
    });
    expect(Math.min(...values)).toBe(0);
    expect(values.filter((value) => value === 0)).toHaveLength(1);
  });
});
