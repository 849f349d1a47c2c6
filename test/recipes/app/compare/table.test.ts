import { expect, test } from "vitest";
import { PerceptionKlPlugin } from "@papo/plugins";
import { drawSweeps, linesOf, sweepsOf, tableOf } from "../../../../recipes/app/compare/table.ts";
import { parseVariant } from "../../../../recipes/app/compare/variant.ts";
import { madePreset } from "../../../../recipes/presets/written-preset.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";
import { rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import { questionOf } from "../../../support/questions.ts";

/** A run whose scenes turned out as the letters say: c for correct. */
function run(recipe: string, seed: number, scenes: string, seconds = 1): RunRecord {
  const questions = [...scenes].map((letter, index) =>
    questionOf(
      String(index),
      { outcome: letter === "c" ? "right" : "wrong" },
      { categories: { visionDependent: String(index % 2 === 0) } },
    ),
  );
  const share = { accuracy: 0, low: 0, high: 1, n: scenes.length };
  const correct = [...scenes].filter((letter) => letter === "c").length / scenes.length;
  const after = {
    accuracy: {
      measure: "greedy",
      sampling: {},
      overall: { ...share, accuracy: correct },
      visionDependent: { ...share, accuracy: correct },
      priorWrong: null,
    },
    sampled: null,
    errors: { perception: 0.25 },
    klPrcp: 0.5,
    questions,
  };
  return {
    kind: "run",
    name: `${recipe} ${seed}`,
    recipe,
    seed,
    settings: {},
    steps: [1, 2, 3].map((step) => ({ step, metrics: { "timing/step_seconds": seconds * step } })),
    rollouts: rolloutsOf([]),
    alarms: [],
    before: null,
    after,
    folder: null,
    problems: [],
  };
}

test("recipes are ranked by accuracy over seeds and scenes, with paired gains and the median step", () => {
  const runs = [run("grpo", 1, "cccw"), run("grpo", 2, "ccww"), run("papo", 1, "cccc", 2), run("papo", 2, "cccw", 2)];
  const [first, second] = linesOf(runs, "grpo");
  expect([first!.label, first!.accuracy.value, second!.label, second!.accuracy.value]).toEqual([
    "papo",
    0.875,
    "grpo",
    0.625,
  ]);
  // Per scene: papo 1, 1, 1, ½; grpo 1, 1, ½, 0. Four scenes bound little.
  expect(first!.gain).toMatchObject({ value: 0.25, n: 4, p: expect.closeTo(0.5, 1) as number });
  expect([first!.gain!.low < 0, second!.gain, first!.secondsPerStep, first!.visionDependent!.value]).toEqual([
    true,
    null,
    4,
    1,
  ]);
  expect(tableOf(linesOf(runs, "grpo"), "grpo").split("\n")[2]).toMatch(
    /^\| 1 \| papo \| 2 \| 87\.5 ± [\d.]+ \| 100\.0 ± [\d.]+ \| \+25\.0 ± [\d.]+ \| 0\.\d+ \| 25\.0 \| 0\.50 \| 4\.00 \|$/,
  );
});

test("a gain whose interval leaves out 0 is in bold, and runs without an evaluation are left out", () => {
  const many = "c".repeat(40);
  const runs = [run("grpo", 1, "w".repeat(40)), run("papo", 1, many), { ...run("dapo", 1, many), after: null }];
  const table = tableOf(linesOf(runs, "grpo"), "grpo");
  expect(table).toContain("**+100.0 ± 0.0**");
  expect(table).not.toContain("dapo");
});

test("options with three numbers or more are sweeps; the plain recipe stands for its own value", () => {
  const lines = linesOf(
    ["papo", "papo:gamma=0.04", "papo:gamma=0.005", "papo:maskOn=merge", "papo:mode=paper,gamma=0.02", "grpo"].map(
      (label) => run(label, 1, "ccww"),
    ),
    "grpo",
  );
  const sweeps = sweepsOf(lines);
  expect(sweeps.map(({ recipe, option, points }) => [recipe, option, points.map(({ value }) => value)])).toEqual([
    ["papo", "gamma", [0.005, 0.01, 0.04]],
  ]);
  expect(drawSweeps(sweeps).match(/<circle/g)).toHaveLength(3);
});

test("a variant is a recipe with options after a colon, checked before anything runs", () => {
  expect(parseVariant("papo:gamma=0.04,mode=paper")).toEqual({
    label: "papo:gamma=0.04,mode=paper",
    preset: "papo",
    options: { gamma: 0.04, mode: "paper" },
  });
  expect(() => parseVariant("papo-g-7b")).toThrow(
    /"papo-g-7b" is no recipe with settings for the embedded tasks;.* there are grpo, /,
  );
  expect(() => parseVariant("papo:gamma")).toThrow('"gamma" in "papo:gamma" is no option; write name=value');
  expect(() => parseVariant("papo:gama=1")).toThrow('unknown option "gama"; did you mean "gamma"?');
  const capped = madePreset(parseVariant("papo:gamma=0.1,perception.cap=1,perception.direction=reverse")).plugins.find(
    (plugin) => plugin instanceof PerceptionKlPlugin,
  );
  expect(capped!.options).toMatchObject({ coefficient: 0.1, cap: 1, direction: "reverse" });
  expect(() => parseVariant("papo:perception.cup=1")).toThrow('unknown option "cup"; did you mean "cap"?');
  expect(madePreset(parseVariant("grpo:settings.oldLogProbs=learner")).settings.oldLogProbs).toBe("learner");
  expect(() => parseVariant("grpo:settings.oldLogProb=learner")).toThrow(
    'unknown option "oldLogProb"; did you mean "oldLogProbs"?',
  );
  expect(() => parseVariant("grpo:gamma=1")).toThrow('preset grpo takes no option "gamma"');
});
