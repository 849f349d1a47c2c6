import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkRuns, plannedRuns, runSweep } from "../../../../recipes/app/sweep/sweep.ts";
import { readGrid } from "../../../../recipes/app/sweep/grid.ts";

const runFile = fileURLToPath(new URL("../../../../recipes/examples/run.ts", import.meta.url));
const small = ["settings.steps=1", "settings.promptsPerStep=1", "settings.samplesPerPrompt=2", "settings.sampling.maxNewTokens=4", "evaluation=null"];

test("a sweep trains what is missing, ranks it, and repeats no run that is done", async () => {
  const output = mkdtempSync(join(tmpdir(), "sweep-"));
  const said: string[] = [];
  const display = { line: (line: string) => void said.push(line), result: (text: string) => void said.push(text) };
  const varied = readGrid(["settings.learningRate=1e-6,1e-4"], small, []);
  const sweep = { runFile, varied, fixed: small, seeds: 1, jobs: 2, metric: undefined, output, display, signal: new AbortController().signal };
  const runs = plannedRuns(sweep);
  await checkRuns(runFile, runs);
  await runSweep(sweep, runs);
  expect(said.at(-1)).toMatch(/^\|  \| learningRate \| seeds \| reward\/mean, last 10 steps \| reward \| s \/ step \| alarms \|\n\| --- .*\n\| 1 \| 1e-\d \| 1 \| [\d.]+ \|/);
  for (const file of ["table.md", "results.json", "sweep.svg", "report.html"]) expect(existsSync(join(output, file))).toBe(true);
  const kept = statSync(join(runs[0]!.folder, "metrics.jsonl")).mtimeMs;
  // As a sweep leaves it that is killed before its second run is done.
  for (const place of [runs[1]!.folder, runs[1]!.finished]) rmSync(place, { recursive: true });
  await checkRuns(runFile, runs);
  await runSweep(sweep, runs);
  expect(said.filter((line) => /^\d runs/.test(line))).toEqual(["2 runs, 0 of them done already; 2 at a time", "2 runs, 1 of them done already; 2 at a time"]);
  expect(statSync(join(runs[0]!.folder, "metrics.jsonl")).mtimeMs).toBe(kept);
  expect(readFileSync(join(runs[1]!.folder, "metrics.jsonl"), "utf8").trim().split("\n")).toHaveLength(1);
  const changed = plannedRuns({ ...sweep, fixed: [...small, "settings.warmupSteps=3"] });
  await expect(checkRuns(runFile, changed)).rejects.toThrow(/learningRate=1e-6, seed 1 was begun with another recipe.*\n {2}warmupSteps: 0 → 3\nname another --output/);
}, 120_000);

test("what would stop the runs is told before one begins, of all combinations at once", async () => {
  const varied = readGrid(["settings.learningRate=1e-6,fast", "plugins.VisualFocs.threshold=0.1,0.2"], [], []);
  await expect(checkRuns(runFile, plannedRuns({ varied, fixed: [], seeds: 1, output: "/nowhere" }))).rejects.toThrow(/there is no plugin "VisualFocs"; did you mean "VisualFocusPlugin"\?[^]*"learningRate" is "fast"/);
});
