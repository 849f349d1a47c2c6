import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkRuns } from "../../../../recipes/app/compare/file-runs.ts";
import { plannedRuns } from "../../../../recipes/app/sweep/sweep.ts";
import { readGrid } from "../../../../recipes/app/sweep/grid.ts";
import { papo, root } from "../../../support/command-line.ts";

const runFile = fileURLToPath(new URL("../../../../recipes/examples/run.ts", import.meta.url));
const small = [
  "settings.steps=1",
  "settings.promptsPerStep=1",
  "settings.samplesPerPrompt=2",
  "settings.sampling.maxNewTokens=2",
  "settings.parityPrompts=0",
  "evaluation=null",
];

test("a sweep trains what is missing, ranks it, and repeats no run that is done", async () => {
  const output = mkdtempSync(join(tmpdir(), "sweep-"));
  const varied = readGrid(["settings.learningRate=1e-6,1e-4"], small, []);
  const planned = { runFile, varied, fixed: small, seeds: 1, output };
  const runs = plannedRuns(planned);
  const words = [
    "sweep",
    runFile,
    "--vary",
    "settings.learningRate=1e-6,1e-4",
    "--jobs",
    "2",
    "--output",
    output,
    ...small.flatMap((set) => ["--set", set]),
  ];
  const first = await papo(words, root);
  expect(first.code, first.output).toBe(0);
  expect(first.output).toMatch(/^2 runs, 0 of them done already; 2 at a time$/m);
  expect(first.output).toMatch(
    /^\|  \| learningRate \| seeds \| reward\/mean, last 10 steps \| reward \| s \/ step \| alarms \|\n\| --- .*\n\| 1 \| 1e-\d \| 1 \| [\d.]+ \|/m,
  );
  for (const file of ["table.md", "results.json", "sweep.svg", "report.html"])
    expect(existsSync(join(output, file))).toBe(true);
  const kept = statSync(join(runs[0]!.folder, "run.json")).mtimeMs;
  // As a sweep leaves it that is killed before it knows its second run to be done; the soak kills sweeps anywhere.
  rmSync(runs[1]!.finished);
  const again = await papo(words, root);
  expect(again.output).toMatch(/^2 runs, 1 of them done already; 2 at a time$/m);
  expect(existsSync(runs[1]!.finished), again.output).toBe(true);
  expect(statSync(join(runs[0]!.folder, "run.json")).mtimeMs).toBe(kept);
  for (const { folder } of runs)
    expect(readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n")).toHaveLength(1);
  const changed = plannedRuns({ ...planned, fixed: [...small, "settings.warmupSteps=3"] });
  await expect(checkRuns(changed)).rejects.toThrow(
    /learningRate=1e-6, seed 1 was begun with another recipe.*\n {2}warmupSteps: 0 → 3\nname another --output/,
  );
  rmSync(output, { recursive: true });
}, 120_000);

test("what would stop the runs is told before one begins, of all combinations at once", async () => {
  const varied = readGrid(["settings.learningRate=1e-6,fast", "plugins.VisualFocs.threshold=0.1,0.2"], [], []);
  await expect(checkRuns(plannedRuns({ runFile, varied, fixed: [], seeds: 1, output: "/nowhere" }))).rejects.toThrow(
    /there is no plugin "VisualFocs"; did you mean "VisualFocusPlugin"\?[^]*"learningRate" is "fast"/,
  );
});
