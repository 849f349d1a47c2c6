import { describe, expect, it, test } from "vitest";
import { compareEvaluations } from "../../../../recipes/app/evaluation/scores.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";
import { rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import {
  comparisonsOf,
  defaultComparisons,
  differenceOf,
  differenceText,
  gainsOf,
  points,
  verdictOf,
} from "../../../../recipes/app/report/verdict.ts";
import { questionOf } from "../../../support/questions.ts";
import { share } from "./example-runs.ts";

/** A run whose i-th scene is correct where `pattern` has a 1; odd scenes need the picture. */
const run = (
  recipe: string,
  pattern: string,
  { measure = "greedy", kind = "run" as RunRecord["kind"], ids = "s" } = {},
): RunRecord => {
  const marks = [...pattern];
  const accuracyOf = (of: readonly string[]): number => of.filter((mark) => mark === "1").length / of.length;
  const looking = marks.filter((_, at) => at % 2 === 1);
  const accuracy = {
    measure,
    sampling: {},
    overall: share(accuracyOf(marks), marks.length),
    visionDependent: share(accuracyOf(looking), looking.length),
    priorWrong: null,
  };
  const questions = marks.map((mark, at) =>
    questionOf(
      `${ids}${at}`,
      { outcome: mark === "1" ? "right" : "wrong" },
      { categories: { visionDependent: String(at % 2 === 1) } },
    ),
  );
  const after = { accuracy, sampled: null, errors: {}, klPrcp: null, questions };
  return {
    kind,
    name: recipe,
    recipe,
    seed: 1,
    settings: {},
    steps: [],
    rollouts: rolloutsOf([]),
    alarms: [],
    before: null,
    after,
    folder: null,
    problems: [],
  };
};

describe("differenceOf", () => {
  it("pairs questions, and is the very number that papo eval --compare gives", () => {
    const [mine, theirs] = [run("a", "1110111011"), run("b", "1100110001")];
    const {
      errors: _errors,
      questions,
      ...compared
    } = compareEvaluations(mine.after!.questions, theirs.after!.questions);
    expect(differenceOf([mine], [theirs], "overall")).toEqual({ ...compared, n: questions });
    expect(compared.value).toBeCloseTo(0.3, 12);
  });

  it("has no width when every question gives the same difference, however hard the questions are", () => {
    expect(differenceOf([run("a", "1010101")], [run("b", "1010101")], "overall")).toMatchObject({
      value: 0,
      low: 0,
      high: 0,
      p: 1,
    });
  });

  it("looks only at questions that need the picture when asked", () => {
    expect(differenceOf([run("a", "0101")], [run("b", "1000")], "visionDependent")).toMatchObject({ value: 1, n: 2 });
  });

  it("averages seeds per question and widens the interval by their luck", () => {
    const [equal, lucky] = [
      ["10".repeat(40), "01".repeat(40)],
      ["1".repeat(80), "0".repeat(80)],
    ].map((seeds) =>
      differenceOf(
        seeds.map((pattern) => run("a", pattern)),
        [run("b", "1000".repeat(20))],
        "overall",
      )!,
    );
    expect([equal!.value, lucky!.value]).toEqual([0.25, 0.25]);
    expect(equal!.p).toBeLessThan(0.001);
    expect(lucky!.p).toBeGreaterThan(0.05);
    expect(lucky!.low).toBeLessThan(0);
  });

  it("is none where the sides were asked no question in common", () => {
    expect(differenceOf([run("a", "1100")], [run("b", "1010", { ids: "other" })], "overall")).toBeNull();
  });
});

describe("verdictOf", () => {
  const comparison = { recipe: "papo", baseline: "grpo" };

  it("says better only when the whole interval is above zero", () => {
    const text = verdictOf(comparison, [run("grpo", "10".repeat(50)), run("papo", "1".repeat(90) + "0".repeat(10))]);
    expect(text).toMatch(
      /^papo is better than grpo on this budget, greedy: \+40\.0 points, 95 % interval \+\d+\.\d to \+\d+\.\d, p < 0\.001, paired over the same 100 questions\./,
    );
    expect(text).toContain("One seed each");
  });

  it("says not better, and why, when it includes zero", () => {
    const text = verdictOf(comparison, [run("grpo", "1100"), run("papo", "1010")]);
    expect(text).toContain("papo is not better than grpo");
    expect(text).toContain("includes zero");
  });

  it("says worse when the whole interval is below zero", () => {
    expect(
      verdictOf(comparison, [run("papo", "10".repeat(50)), run("grpo", "1".repeat(90) + "0".repeat(10))]),
    ).toContain("papo is worse than grpo on this budget, greedy: −40.0");
  });

  it("says so when there is nothing to compare", () => {
    expect(verdictOf(comparison, [run("grpo", "1")])).toContain("cannot be compared");
    expect(verdictOf(comparison, [run("grpo", "1"), run("papo", "1", { ids: "other" })])).toContain(
      "they were asked no question in common",
    );
    expect(verdictOf(comparison, [run("grpo", "1"), run("papo", "1", { measure: "avg@4 at T = 1" })])).toContain(
      "cannot be compared: one was measured by avg@4 at T = 1, the other by greedy",
    );
  });

  it("says in words that nothing differs, and gives no sign to what rounds to nothing", () => {
    const text = verdictOf(comparison, [run("grpo", "1010101"), run("papo", "1010101")]);
    expect(text).toContain(
      "papo is not better than grpo on this budget, greedy: no difference on any of the same 7 questions.",
    );
    expect(text).not.toContain("+0.0");
    expect([0.0004, -0.0004, 0, 0.0006, -0.251].map((value) => points(value))).toEqual([
      "0.0",
      "0.0",
      "0.0",
      "+0.1",
      "−25.1",
    ]);
    expect(differenceText({ value: 0.0004, low: -0.0003, high: 0.0011, p: 0.3 })).toBe(
      "+0.04 points, 95 % interval −0.03 to +0.11, p = 0.300",
    );
  });
});

describe("evaluations of models", () => {
  const start = run("start-model-test.jsonl", "1000110010", { kind: "evaluation" });

  it("are no rival recipes of training runs", () => {
    expect(comparisonsOf([start, run("grpo", "1111"), run("papo", "1010")])).toEqual([
      { recipe: "papo", baseline: "grpo" },
    ]);
    expect(comparisonsOf([start, run("grpo", "1111")])).toEqual([]);
  });

  it("are compared among themselves, without a word of budget or seeds", () => {
    const tuned = run("tuned-test.jsonl", "1111111111", { kind: "evaluation" });
    expect(comparisonsOf([start, tuned])).toEqual([{ recipe: "tuned-test.jsonl", baseline: "start-model-test.jsonl" }]);
    const text = verdictOf(comparisonsOf([start, tuned])[0]!, [start, tuned]);
    expect(text).toMatch(/^tuned-test\.jsonl is better than start-model-test\.jsonl, greedy: \+60\.0 points/);
    expect(text).not.toMatch(/budget|seed/);
  });
});

test("what training did is after minus before, per recipe, the start being one model", () => {
  const of = (pattern: string): RunRecord => ({
    ...run("grpo", pattern),
    before: run("grpo", "0000011111".repeat(4)).after,
  });
  expect(gainsOf([of("1".repeat(40)), of("1".repeat(40))])).toEqual([
    expect.stringMatching(
      /^grpo, after training minus before, greedy: \+50\.0 points, 95 % interval \+\d+\.\d to \+\d+\.\d, p < 0\.001, paired over the same 40 questions\.$/,
    ),
  ]);
  expect(gainsOf([run("grpo", "1")])).toEqual([]);
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
