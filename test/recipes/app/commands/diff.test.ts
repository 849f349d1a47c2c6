import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { differences, impureBaseline } from "../../../../recipes/app/commands/diff.ts";
import { aboutPreset, presetNames } from "../../../../recipes/presets/index.ts";
import { readRecipe } from "../../../../recipes/app/show/recipe.ts";

const diff = async (left: string, right: string): Promise<string[]> =>
  differences(await readRecipe(left), await readRecipe(right));

test("settings, options, plugins and their order are compared", async () => {
  expect(await diff("grpo-3b", "grpo-7b")).toEqual([]);
  expect(await diff("papo-g-3b", "papo-d-3b")).toEqual(
    expect.arrayContaining([
      "promptsPerRound: null → 128",
      "PerceptionKlPlugin.coefficient: 0.02 → 0.01",
      "ClippedObjectivePlugin.clipHigh: 0.3 → 0.28",
      expect.stringMatching(/^− ReferenceKlPlugin /),
      expect.stringMatching(/^\+ DoubleEntropyPlugin /),
    ]),
  );
  const recipe = await readRecipe("grpo");
  expect(differences(recipe, { ...recipe, plugins: [...recipe.plugins].reverse() })).toEqual([
    "order: GroupAdvantagePlugin, ClippedObjectivePlugin → ClippedObjectivePlugin, GroupAdvantagePlugin",
  ]);
});

test("of two run files model, data, evaluation and reward are compared too, and options may stand behind either", async () => {
  const file = fileURLToPath(new URL("../../../../recipes/examples/run.ts", import.meta.url));
  expect(await diff(file, file)).toEqual([]);
  expect(
    await diff(
      file,
      `${file}:plugins.VisualFocus.threshold=0.3,data=other.jsonl,evaluation.samples=4,settings.steps=7`,
    ),
  ).toEqual([
    expect.stringMatching(/^data: ".*rows\.jsonl" → ".*other\.jsonl"$/),
    "evaluation.samples: (none) → 4",
    "steps: 10 → 7",
    "VisualFocusPlugin.threshold: 0.1 → 0.3",
  ]);
  const other = join(mkdtempSync(join(tmpdir(), "files-")), "run.ts");
  writeFileSync(
    other,
    `export default { model: "m", data: "d.jsonl", plugins: [], reward: () => 0.5, output: "o" };\n`,
  );
  expect(await diff(file, other)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^model: /),
      expect.stringMatching(/^reward: "\(function [0-9a-f]{8}\)" → "\(function [0-9a-f]{8}\)"$/),
      expect.stringMatching(/^evaluation\.data: .* → \(none\)$/),
    ]),
  );
  // A preset has no data that could differ.
  expect(await diff("papo", "papo:gamma=0.5")).toEqual(["PerceptionKlPlugin.coefficient: 0.01 → 0.5"]);
  expect((await diff("grpo", file)).filter((line) => /^(?:model|data|reward|evaluation)/.test(line))).toEqual([]);
});

test("the release's script that is called a baseline and has the perception term on is found out", async () => {
  expect(impureBaseline(await readRecipe("grpo-7b-script"))).toEqual([
    "grpo-7b-script is called a baseline and has PAPO on: PerceptionKlPlugin (coefficient 0.01)",
  ]);
});

test("no other preset that is called a baseline has a method on, and a method's preset is not called one", async () => {
  for (const name of presetNames.filter((preset) => preset !== "grpo-7b-script"))
    expect(impureBaseline(await readRecipe(name)), name).toEqual([]);
  expect(
    ["papo-g-7b", "vppo-7b", "view-r1", "noisy-rollout-7b"].map((name) => aboutPreset(name as "papo-g-7b").baseline),
  ).toEqual([false, false, false, false]);
});

test("a run is called a baseline by its folder's name; a coefficient of 0 is no method", async () => {
  const folder = join(mkdtempSync(join(tmpdir(), "runs-")), "dapo_baseline");
  mkdirSync(folder);
  const write = (coefficient: number): void =>
    writeFileSync(
      join(folder, "run.json"),
      JSON.stringify({ settings: {}, plugins: [{ name: "PerceptionKlPlugin", options: { coefficient } }] }),
    );
  write(0.5);
  expect(impureBaseline(await readRecipe(folder))).toHaveLength(1);
  write(0);
  expect(impureBaseline(await readRecipe(folder))).toEqual([]);
});
