import "@papo/core/testing";
import { memory, tensor2d } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { reduce, reductions } from "../../../core/math/reduce.ts";
import type { Reduction } from "../../../core/math/reduce.ts";
import { scoped } from "../../../core/math/scoped.ts";

const reduced = (x: number[][], mask: number[][], reduction: Reduction, maxNewTokens = 10): number =>
  scoped(() => reduce(tensor2d(x), tensor2d(mask), reduction, maxNewTokens).dataSync()[0]!);

describe("reduce", () => {
  const x = [
    [1, 2, 3],
    [4, Number.NaN, Number.POSITIVE_INFINITY],
    [Number.NaN, Number.NaN, Number.NaN],
  ];
  const mask = [
    [1, 1, 1],
    [1, 0, 0],
    [0, 0, 0],
  ];
  it.each([
    ["token_mean", 10 / 4],
    ["sequence_mean", (2 + 4 + 0) / 3],
    ["sequence_mean_nonempty", (2 + 4) / 2],
    ["sequence_sum", 10 / 3],
    ["sequence_sum_nonempty", 10 / 2],
    ["constant", 10 / 30],
    ["constant_sum", 10 / 10],
  ] as const)("%s, whatever stands outside the mask", (reduction, value) => {
    expect(reduced(x, mask, reduction)).toBeCloseTo(value, 6);
  });

  it.each(reductions)("%s of nothing is 0", (reduction) => {
    expect(reduced([[1, 2]], [[0, 0]], reduction)).toBe(0);
  });

  it("leaves no tensor behind", () => {
    const before = memory().numTensors;
    for (const reduction of reductions) reduced(x, mask, reduction);
    expect(memory().numTensors).toBe(before);
  });
});
