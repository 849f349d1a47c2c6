import { describe, expect, it } from "vitest";
import { bandOf, byRecipe } from "../../../../recipes/app/report/curves.ts";

const curve = (...values: (number | null)[]) => ({
  steps: values.map((value, at) => ({ step: at + 1, metrics: value === null ? { other: 1 } : { reward: value } })),
});

describe("bandOf", () => {
  it("gives mean, minimum and maximum over seeds at each step", () => {
    expect(bandOf([curve(1, 2), curve(3, 2), curve(8, 5)], "reward")).toEqual({
      steps: [1, 2],
      mean: [4, 3],
      low: [1, 2],
      high: [8, 5],
      runs: [3, 3],
    });
  });

  it("takes a step from the runs that have it, and leaves out numbers that are not finite", () => {
    expect(bandOf([curve(1, null, 4), curve(3, Number.NaN)], "reward")).toEqual({
      steps: [1, 3],
      mean: [2, 4],
      low: [1, 4],
      high: [3, 4],
      runs: [2, 1],
    });
  });

  it("is empty without the metric", () => {
    expect(bandOf([curve(1)], "missing").steps).toEqual([]);
  });
});

describe("byRecipe", () => {
  it("keeps the order of first appearance", () => {
    expect(
      [...byRecipe([{ recipe: "b" }, { recipe: "a" }, { recipe: "b" }])].map(([name, runs]) => [name, runs.length]),
    ).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
  });
});
