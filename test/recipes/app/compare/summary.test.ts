import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { summaryOf, writeSummary } from "../../../../recipes/app/compare/summary.ts";
import { rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";
import { questionOf } from "../../../support/questions.ts";

const run = (seed: number, outcomes: string): RunRecord => {
  const questions = [...outcomes].map((letter, at) =>
    questionOf(
      `q${at}`,
      { outcome: letter === "1" ? "right" : "wrong" },
      { categories: { prior: at < 2 ? "wrong" : "right" } },
    ),
  );
  const share = { accuracy: 0, low: 0, high: 1, n: 4 };
  const after = {
    accuracy: { measure: "greedy", sampling: {}, overall: share, visionDependent: null, priorWrong: share },
    sampled: null,
    errors: {},
    klPrcp: null,
    questions,
  };
  const steps = [1, 2, 3, 4, 5, 6, 7, 8].map((step) => ({
    step,
    metrics: { "reward/mean": step, "timing/step_seconds": 9, ...(step > 6 ? { "papo/late": 1 / 3 } : {}) },
  }));
  return {
    kind: "run",
    name: `grpo ${seed}`,
    recipe: "grpo",
    seed,
    settings: {},
    steps,
    rollouts: rolloutsOf([]),
    alarms: [],
    before: null,
    after,
    folder: null,
    problems: [],
  };
};

test("holds a run's right answers and its metrics by quarters of the steps, a run a line", () => {
  const folder = mkdtempSync(join(tmpdir(), "summary-"));
  const summary = summaryOf([run(1, "0110"), run(2, "1111")], { task: "shortcut:skew", strength: 0.4, steps: 8 });
  writeSummary(join(folder, "runs.json"), summary);
  const text = readFileSync(join(folder, "runs.json"), "utf8");
  rmSync(folder, { recursive: true });
  expect(JSON.parse(text)).toEqual({
    task: "shortcut:skew",
    strength: 0.4,
    steps: 8,
    prior: "wwrr",
    runs: [
      ["0110", 1],
      ["1111", 2],
    ].map(([right, seed]) => ({
      recipe: "grpo",
      seed,
      right,
      metrics: { "papo/late": [0, 0, 0, 0.3333], "reward/mean": [1.5, 3.5, 5.5, 7.5] },
    })),
  });
  expect(text.trim().split("\n")).toHaveLength(4);
});
