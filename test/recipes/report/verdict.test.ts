import { describe, expect, it } from "vitest";
import type { RunRecord } from "../../../recipes/report/run-record.ts";
import { defaultComparisons, differenceOf, verdictOf } from "../../../recipes/report/verdict.ts";
import { questionOf } from "../../support/questions.ts";
import { share } from "./example-runs.ts";

/** A run whose i-th scene is correct where `pattern` has a 1; odd scenes need the picture. */
const run = (recipe: string, pattern: string, keepQuestions = true): RunRecord => {
  const marks = [...pattern];
  const accuracyOf = (of: readonly string[]): number => of.filter((mark) => mark === "1").length / of.length;
  const looking = marks.filter((_, at) => at % 2 === 1);
  const greedy = { overall: share(accuracyOf(marks), marks.length), visionDependent: share(accuracyOf(looking), looking.length) };
  const questions = marks.map((mark, at) => questionOf(`s${at}`, { outcome: mark === "1" ? "right" : "wrong" }, { categories: { visionDependent: String(at % 2 === 1) } }));
  const after = { greedy, sampled: null, errors: {}, klPrcp: null, questions: keepQuestions ? questions : [] };
  return { name: recipe, recipe, seed: 1, settings: {}, steps: [], samples: [], alarms: [], before: null, after, folder: null, problems: [] };
};

describe("differenceOf", () => {
  it("pairs scenes: mean 1/4 and a sample standard deviation of 1/2 over 4 scenes", () => {
    const found = differenceOf([run("a", "1110")], [run("b", "1100")], "overall");
    expect(found).toMatchObject({ value: 0.25, n: 4, paired: true });
    expect(found?.high).toBeCloseTo(0.25 + (1.96 * 0.5) / 2, 12);
    expect(found?.low).toBeCloseTo(0.25 - (1.96 * 0.5) / 2, 12);
  });

  it("has no width when every scene gives the same difference, however hard the scenes are", () => {
    expect(differenceOf([run("a", "1010")], [run("b", "1010")], "overall")).toMatchObject({ value: 0, low: 0, high: 0 });
  });

  it("looks only at questions that need the picture when asked", () => {
    expect(differenceOf([run("a", "0101")], [run("b", "1000")], "visionDependent")).toMatchObject({ value: 1, n: 2 });
  });

  it("averages seeds per scene and widens the interval by their spread", () => {
    const found = differenceOf([run("a", "1111"), run("a", "0000")], [run("b", "1010")], "overall");
    expect(found?.value).toBe(0);
    // Per-scene differences ±1/2 (variance of the mean 1/12), seeds 1 and 0 (variance of the mean 1/4).
    expect(found?.high).toBeCloseTo(1.96 * Math.sqrt(1 / 12 + 1 / 4), 12);
  });

  it("combines independent intervals when no scenes were kept", () => {
    const [mine, theirs] = [run("a", "1".repeat(80) + "0".repeat(20), false), run("b", "1".repeat(50) + "0".repeat(50), false)];
    const found = differenceOf([mine], [theirs], "overall");
    expect(found?.paired).toBe(false);
    expect(found?.value).toBeCloseTo(0.3, 12);
    expect(found?.high).toBeCloseTo(0.3 + 1.96 * Math.sqrt((0.16 + 0.25) / 100), 12);
  });
});

describe("verdictOf", () => {
  const comparison = { recipe: "papo", baseline: "grpo" };

  it("says better only when the whole interval is above zero", () => {
    const text = verdictOf(comparison, [run("grpo", "10".repeat(50)), run("papo", "1".repeat(90) + "0".repeat(10))]);
    expect(text).toMatch(/^papo is better than grpo on this budget: \+40\.0 points, 95 % interval \+\d+\.\d to \+\d+\.\d, paired over 100 unseen scenes\./);
    expect(text).toContain("One seed each");
  });

  it("says not better, and why, when it includes zero", () => {
    const text = verdictOf(comparison, [run("grpo", "1100"), run("papo", "1010")]);
    expect(text).toContain("papo is not better than grpo");
    expect(text).toContain("includes zero");
  });

  it("says worse when the whole interval is below zero", () => {
    expect(verdictOf(comparison, [run("papo", "10".repeat(50)), run("grpo", "1".repeat(90) + "0".repeat(10))])).toContain("papo is worse than grpo on this budget: −40.0");
  });

  it("says so when there is nothing to compare", () => {
    expect(verdictOf(comparison, [run("grpo", "1")])).toContain("cannot be compared");
  });
});

describe("defaultComparisons", () => {
  it("finds the base of a recipe whose name says more after it", () => {
    expect(defaultComparisons(["grpo", "dapo", "papo(dapo), official", "papo(grpo), paper"])).toEqual([
      { recipe: "dapo", baseline: "grpo" },
      { recipe: "papo(dapo), official", baseline: "dapo" },
      { recipe: "papo(grpo), paper", baseline: "grpo" },
    ]);
  });

  it("measures a wrapped recipe against its base where that ran, and the rest against the first", () => {
    expect(defaultComparisons(["grpo", "dapo", "papo(dapo)", "papo", "papo(other)"])).toEqual([
      { recipe: "dapo", baseline: "grpo" },
      { recipe: "papo(dapo)", baseline: "dapo" },
      { recipe: "papo", baseline: "grpo" },
      { recipe: "papo(other)", baseline: "grpo" },
    ]);
  });
});
