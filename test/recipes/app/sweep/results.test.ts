import { expect, test } from "vitest";
import { configurationsOf, readGrid } from "../../../../recipes/app/sweep/grid.ts";
import { linesOf, sweepPanels, sweepTable, type Ranking } from "../../../../recipes/app/sweep/results.ts";
import { evaluationOf } from "../../../../recipes/app/report/read-evaluation.ts";
import { rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";
import { questionOf } from "../../../support/questions.ts";

const varied = readGrid(["data.0.weight=0,4"], [], []);
const configurations = configurationsOf(varied);
const ranking: Ranking = { metric: null, title: "right, %", better: "up" };

/** A run whose questions about a and about b turned out as the letters say: c for correct. */
function run(recipe: string, a: string, b: string): RunRecord {
  const about = (topic: string, letters: string) =>
    [...letters].map((letter, index) =>
      questionOf(
        `${topic}${index}`,
        { outcome: letter === "c" ? "right" : "wrong" },
        { categories: { about: topic, id: `${topic}${index}`, all: "one" } },
      ),
    );
  const after = evaluationOf([...about("a", a), ...about("b", b)], { temperature: 0 });
  const steps = [{ step: 1, metrics: { "reward/mean": 0.5, "timing/step_seconds": 1 } }];
  return {
    kind: "run",
    name: recipe,
    recipe,
    seed: 1,
    settings: {},
    steps,
    rollouts: rolloutsOf([]),
    alarms: [],
    before: null,
    after,
    folder: null,
    problems: [],
  };
}

test("what one category gains and another loses stands in the table and in a panel of its own", () => {
  const runs = [run("weight=0", "cccccccc", "cwwwwwww"), run("weight=4", "ccccwwww", "ccccccww")];
  const lines = linesOf(configurations, runs, ranking);
  // Columns of one value, or of more than a reader tells apart, are none to draw.
  expect(Object.keys(lines[0]!.categories)).toEqual(["about"]);
  const [head, , first, second] = sweepTable(lines, varied, ranking)
    .split("\n")
    .map((line) => line.split(" | "));
  expect(head!.slice(1, 6)).toEqual(["weight", "seeds", "right, %", "about a, %", "about b, %"]);
  expect([first, second].map((cells) => [cells![1], ...cells!.slice(3, 6).map((cell) => cell.split(" ")[0])])).toEqual([
    ["4", "62.5", "50.0", "75.0"],
    ["0", "56.3", "100.0", "12.5"],
  ]);
  const [overall, byCategory, ...more] = sweepPanels(lines, varied, ranking);
  expect([overall!.title, byCategory!.title, more.length]).toEqual(["over weight", "over weight, by about", 0]);
  expect(byCategory!.at).toEqual(["0", "4"]);
  expect(byCategory!.lines.map(({ label, points }) => [label, points.map((point) => point!.value)])).toEqual([
    ["a", [100, 50]],
    ["b", [12.5, 75]],
  ]);
});

test("a sweep that is ranked by a metric has no categories", () => {
  const lines = linesOf(configurations, [run("weight=0", "c", "w")], {
    metric: "reward/mean",
    title: "reward",
    better: "up",
  });
  expect(lines[0]!.categories).toEqual({});
  expect(sweepPanels(lines, varied, { metric: "reward/mean", title: "reward", better: "up" })).toHaveLength(1);
});
