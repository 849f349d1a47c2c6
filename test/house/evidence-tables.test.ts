import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  evidenceTables,
  linesOf,
  metricsOf,
  namedEvidence,
  overSeeds,
  tableOf,
} from "../../docs/scripts/evidence-tables.ts";
import type { ComparisonSummary } from "../../recipes/app/compare/summary.ts";
import { doneOf, evidenceParts } from "../../docs/scripts/run-evidence.ts";
import { overSeedsFile, overSeedsOf, overSeedsText } from "../../recipes/app/tasks/shortcut/over-seeds.ts";
import { parseVariant } from "../../recipes/app/compare/variant.ts";

const run = (recipe: string, seed: number, right: string, kl = 1) => ({
  recipe,
  seed,
  right,
  metrics: { "observe/perception_kl": [kl, kl, kl, 2 * kl] },
});
/** 16 questions whose prior is wrong, then 4 about which it is right. */
const prior = `${"w".repeat(16)}rrrr`;
const [few, many] = ["1000000000000000", "1111111111110000"];
const runs = [
  run("grpo", 1, `${few}1111`),
  run("grpo", 2, `${few}1111`),
  run("papo:gamma=0.1", 1, `${many}1110`, 3),
  run("papo:gamma=0.1", 2, `${many}1110`, 5),
  run("vppo", 2, `${few}1111`),
];

test("means by part, and differences over the seeds that a recipe has", () => {
  const [grpo, papo, vppo] = linesOf({ prior, runs });
  expect(grpo).toMatchObject({ seeds: 2, all: 0.25, right: 1, wrong: 1 / 16, gain: null, overallGain: null });
  expect(papo).toMatchObject({ wrong: 12 / 16, right: 0.75, bySeed: [0.75, 0.75] });
  // 11 of 16 questions differ by 1 and all one way: the sign-flip test's p is 2 · 2⁻¹¹ but for the subsets that are
  // drawn.
  expect(papo!.gain!.value).toBeCloseTo(11 / 16, 12);
  expect(papo!.gain!.p).toBeLessThan(0.005);
  expect(papo!.overallGain!.value).toBeCloseTo(10 / 20, 12);
  expect([vppo!.seeds, vppo!.gain!.value, vppo!.gain!.p]).toEqual([1, 0, 1]);
});

test("every recipe of the runs is one, and a part is named once", () => {
  for (const { recipes } of evidenceParts)
    for (const recipe of recipes) expect(parseVariant(recipe).label).toBe(recipe);
  expect(new Set(evidenceParts.map(({ name }) => name)).size).toBe(evidenceParts.length);
});

test("a part goes on with what any part of its prior and strength has done, and refuses other questions", () => {
  const part = { name: "paths", prior: "suggestion", strength: 0.6, recipes: ["grpo", "vppo"] } as const;
  const seeded = runs.map((one) => ({ ...one, seed: one.seed + 100 }));
  const file = { task: "shortcut:suggestion", strength: 0.6, steps: 40, prior, runs: seeded };
  const kept = (seeds: number, files: readonly ComparisonSummary[]) =>
    doneOf(part, seeds, files)?.runs.map(({ recipe, seed }) => [recipe, seed]);
  expect(kept(8, [file, file])).toEqual([
    ["grpo", 101],
    ["grpo", 102],
    ["vppo", 102],
  ]);
  expect(kept(1, [file])).toEqual([["grpo", 101]]);
  expect(kept(8, [{ ...file, strength: 0.4 }])).toBeUndefined();
  expect(() => kept(8, [file, { ...file, prior: "r".repeat(20) }])).toThrow(/are of other questions/);
});

test("tables say what ran, corrected for how many comparisons there are", () => {
  const rows = tableOf(linesOf({ prior, runs })).split("\n");
  expect(rows).toHaveLength(5);
  expect(rows[3]).toMatch(
    /^\| papo:gamma=0\.1 \| 2 \| 75\.0 \| 75\.0 \| 75\.0 \| \*\*\+68\.8 ± [\d.]+\*\* \| (?:< )?0\.00\d \| (?:< )?0\.00\d \| .* \| \+68\.8 ± [\d.]+, p 0\.5\d* \| 75 75 \|$/,
  );
  expect(metricsOf({ runs }).split("\n")[3]).toContain("| 4 4 4 8 |");
  const text = evidenceTables([
    { name: "gain-0.6", task: "shortcut:suggestion", strength: 0.6, steps: 40, prior, runs },
  ]);
  expect(text).toContain("| 0.6 | 2 | **+68.8");
  expect(text).toContain("### gain-0.6: `shortcut:suggestion`, strength 0.6, 40 steps");
});

test("what `npm start` quotes is what the runs came to, of comparisons that have all their seeds", () => {
  const named = { name: "gain-0.6", task: "shortcut:suggestion", strength: 0.6, steps: 40, prior, runs };
  expect(overSeeds([named], 8)).toEqual([]);
  const [made] = overSeeds([named, { ...named, name: "paths" }], 2);
  expect(made).toMatchObject({ seeds: 2, questions: 16, wrong: { recipe: 0.75, baseline: 1 / 16 } });
  expect(made!.gain.value).toBeCloseTo(11 / 16, 12);
  expect(JSON.parse(readFileSync(overSeedsFile, "utf8"))).toEqual(overSeeds(namedEvidence(), 8));
});

test("`npm start` quotes the runs of its own task, strength, steps and recipes alone", () => {
  const task = { task: "shortcut:suggestion", strength: 0.6, steps: 40 };
  const recipes = ["grpo", "papo:gamma=0.2"];
  const [quoted] = overSeedsOf(task, recipes);
  expect(overSeedsText(quoted!)).toMatch(
    /^One seed .* Over 8 seeds .*, on 252 questions .*: papo:gamma=0\.2 48\.5 %, grpo 27\.8 %; \+20\.7 points, 95 % .* corrected .*; /,
  );
  const others = [
    { ...task, strength: 0.5 },
    { ...task, steps: 60 },
    { ...task, task: "shapes" },
  ];
  expect(others.flatMap((other) => overSeedsOf(other, recipes))).toEqual([]);
  expect(overSeedsOf(task, ["grpo", "papo"])).toEqual([]);
});
