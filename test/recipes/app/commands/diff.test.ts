import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { differences, impureBaseline } from "../../../../recipes/app/commands/diff.ts";
import { aboutPreset, presetNames } from "../../../../recipes/presets/index.ts";
import { readRecipe } from "../../../../recipes/app/show/recipe.ts";

const diff = async (left: string, right: string): Promise<string[]> => differences(await readRecipe(left), await readRecipe(right));

test("settings, options, plugins and their order are compared", async () => {
  expect(await diff("grpo-3b", "grpo-7b")).toEqual([]);
  expect(await diff("papo-g-3b", "papo-d-3b")).toEqual(expect.arrayContaining([
    "promptsPerRound: null → 128",
    "PerceptionKlPlugin.coefficient: 0.02 → 0.01",
    "ClippedObjectivePlugin.clipHigh: 0.3 → 0.28",
    expect.stringMatching(/^− ReferenceKlPlugin /),
    expect.stringMatching(/^\+ DoubleEntropyPlugin /),
  ]));
  const recipe = await readRecipe("grpo");
  expect(differences(recipe, { ...recipe, plugins: [...recipe.plugins].reverse() })).toEqual(["order: GroupAdvantagePlugin, ClippedObjectivePlugin → ClippedObjectivePlugin, GroupAdvantagePlugin"]);
});

test("the release's script that is called a baseline and has the perception term on is found out", async () => {
  expect(impureBaseline(await readRecipe("grpo-7b-script"))).toEqual(["grpo-7b-script is called a baseline and has PAPO on: PerceptionKlPlugin (coefficient 0.01)"]);
});

test("no other preset that is called a baseline has a method on, and a method's preset is not called one", async () => {
  for (const name of presetNames.filter((preset) => preset !== "grpo-7b-script")) expect(impureBaseline(await readRecipe(name)), name).toEqual([]);
  expect(["papo-g-7b", "vppo-7b", "view-r1", "noisy-rollout-7b"].map((name) => aboutPreset(name as "papo-g-7b").baseline)).toEqual([false, false, false, false]);
});

test("a run is called a baseline by its folder's name; a coefficient of 0 is no method", async () => {
  const folder = join(mkdtempSync(join(tmpdir(), "runs-")), "dapo_baseline");
  mkdirSync(folder);
  const write = (coefficient: number): void => writeFileSync(join(folder, "run.json"), JSON.stringify({ settings: {}, plugins: [{ name: "PerceptionKlPlugin", options: { coefficient } }] }));
  write(0.5);
  expect(impureBaseline(await readRecipe(folder))).toHaveLength(1);
  write(0);
  expect(impureBaseline(await readRecipe(folder))).toEqual([]);
});
