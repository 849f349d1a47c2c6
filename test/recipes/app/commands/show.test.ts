import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { showRecipe } from "../../../../recipes/app/commands/show.ts";
import { readRecipe } from "../../../../recipes/app/show/recipe.ts";

test("a preset is shown with the formula, symbol, option, value and sentence of each plugin side by side", async () => {
  const lines = showRecipe(await readRecipe("papo-g-7b")).split("\n");
  expect(lines[1]).toBe("  preset: PAPO, arXiv:2507.06448, project page; release fb63bf4, row PAPO-G 7B");
  expect(lines).toContain("  samplesPerPrompt           5");
  const from = lines.indexOf("  PerceptionKlPlugin  (plugins/papo/perception-kl.ts; PAPO)");
  expect(lines[from + 1]).toMatch(/^ {4}loss ← loss − γ·k3, k3 = ρ − log ρ − 1/);
  expect(lines.slice(from).find((line) => line.includes("coefficient"))).toMatch(
    /^ {4}γ {2}coefficient +0\.02 +γ, the weight of the term; 0 computes nothing\./,
  );
  expect(lines.filter((line) => line.length > 120 && !line.includes("[-1.79"))).toEqual([]);
});

test("a run's folder is shown as it ran, and plugins that are not the package's are shown too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "run-"));
  writeFileSync(
    join(folder, "run.json"),
    JSON.stringify({
      settings: { steps: 7 },
      plugins: [
        { name: "MinePlugin", options: { strength: 2 } },
        { name: "BarePlugin", options: null },
      ],
      dataset: {},
    }),
  );
  const shown = showRecipe(await readRecipe(folder));
  expect(shown).toContain("steps                      7");
  expect(shown).toMatch(/MinePlugin\n {4}a plugin of your own\n +strength {2}2/);
  expect(shown).toContain("BarePlugin");
});

test("a run file is shown with its inputs, and as the options behind it change it; a preset too", async () => {
  const file = fileURLToPath(new URL("../../../../recipes/examples/run.ts", import.meta.url));
  const shown = showRecipe(
    await readRecipe(`${file}:plugins.VisualFocus.threshold=0.3,settings.steps=7`, [
      "settings.steps=5",
      "settings.seed=4",
    ]),
  );
  expect(shown).toMatch(
    /\ninputs\n {2}model +.*start-model\n {2}data +.*rows\.jsonl\n {2}evaluation\.data +.*rows\.jsonl\n {2}reward +\(function [0-9a-f]{8}\)\n/,
  );
  expect(shown).toMatch(/\n {2}seed +4\n {2}steps +7\n[^]* threshold +0\.3$/m);
  expect(showRecipe(await readRecipe("papo:gamma=0.25,settings.lora.rank=8"))).toMatch(
    /lora\.rank +8\n[^]*coefficient +0\.25/,
  );
  await expect(readRecipe(`${file}:plugins.VisualFocs.threshold=1`)).rejects.toThrow(
    'did you mean "VisualFocusPlugin"?',
  );
});

test("a name that is nothing is an error that lists the presets", async () => {
  await expect(readRecipe("grpo-9b")).rejects.toThrow(
    /"grpo-9b" is neither a preset nor a file nor a folder; presets are grpo-3b, /,
  );
  await expect(readRecipe(mkdtempSync(join(tmpdir(), "empty-")))).rejects.toThrow(
    /is no run's folder: it has no run\.json/,
  );
});
