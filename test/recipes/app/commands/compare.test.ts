import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runComparison, tellTables } from "../../../../recipes/app/commands/compare.ts";
import type { ComparisonSummary } from "../../../../recipes/app/compare/summary.ts";
import { taskOf } from "../../../../recipes/app/tasks/task.ts";
import { parseVariant } from "../../../../recipes/app/compare/variant.ts";
import { papo, root } from "../../../support/command-line.ts";

test("a comparison trains what is missing, measures it, and goes on where it was left", async () => {
  const output = mkdtempSync(join(tmpdir(), "compare-"));
  const asked = [
    "--task",
    "shortcut",
    "--strength",
    "0.5",
    "--seeds",
    "1",
    "--steps",
    "1",
    "--scenes",
    "8",
    "--jobs",
    "2",
  ];
  const compare = () => papo(["compare", "grpo", "noisy-rollout", ...asked, "--output", output], root);
  const first = await compare();
  expect(first.code, first.output).toBe(0);
  expect(first.output).toMatch(/^2 runs, 0 of them done already; 2 at a time$/m);
  const table = readFileSync(join(output, "table.md"), "utf8");
  expect(
    table
      .split("\n")
      .slice(2, 4)
      .map((row) => row.split(" | ")[1])
      .sort(),
  ).toEqual(["grpo", "noisy-rollout"]);
  const lines = JSON.parse(readFileSync(join(output, "results.json"), "utf8")) as {
    label: string;
    secondsPerStep: number;
    accuracy: { n: number };
  }[];
  expect(table).toContain("| prior wrong, % | minus grpo there | p (Holm) |");
  const summary = JSON.parse(readFileSync(join(output, "runs.json"), "utf8")) as ComparisonSummary;
  expect([summary.task, summary.strength, summary.steps, summary.prior.length]).toEqual([
    "shortcut:suggestion",
    0.5,
    1,
    8,
  ]);
  for (const { right, metrics } of summary.runs) {
    expect(right).toMatch(/^[01]{8}$/);
    expect(Object.keys(metrics)).toEqual(expect.arrayContaining(["shortcut/followed", "reward/mean"]));
  }
  for (const line of lines) expect([line.accuracy.n, line.secondsPerStep > 0]).toEqual([8, true]);
  const kept = statSync(join(output, "runs/grpo-1/metrics.jsonl")).mtimeMs;
  rmSync(join(output, "runs/noisy-rollout-1/evaluation"), { recursive: true });
  // While a run is missing, tables are of the others.
  const comparison = {
    variants: ["grpo", "noisy-rollout"].map(parseVariant),
    task: taskOf({ task: "shortcut", strength: 0.5 }),
    baseline: "grpo",
    seeds: 1,
    firstSeed: 1,
    steps: 1,
    scenes: 8,
    jobs: 2,
    output,
    display: { line: () => undefined, result: () => undefined },
  };
  tellTables(comparison);
  expect(
    (JSON.parse(readFileSync(join(output, "runs.json"), "utf8")) as ComparisonSummary).runs.map(({ recipe }) => recipe),
  ).toEqual(["grpo"]);
  expect(() => tellTables({ ...comparison, firstSeed: 7 })).toThrow(/holds no run of this comparison that is done$/);
  const again = await compare();
  expect(again.output).toMatch(/^2 runs, 1 of them done already; 2 at a time$/m);
  expect(statSync(join(output, "runs/grpo-1/metrics.jsonl")).mtimeMs).toBe(kept);
  await expect(runComparison({ ...comparison, task: taskOf({ task: "shapes", strength: undefined }) })).rejects.toThrow(
    /holds runs of .*shortcut:suggestion.*, and this comparison is of .*shapes.*: choose another --output$/,
  );
  expect(existsSync(join(output, "runs/noisy-rollout-1/evaluation/after/questions.jsonl"))).toBe(true);
}, 120_000);

test("a run that fails is named with its last words, after the others have ended", async () => {
  const output = mkdtempSync(join(tmpdir(), "compare-"));
  const broken = { ...parseVariant("papo"), label: "broken", options: { gamma: 0.02, maskRatio: 0.6 } };
  // What a run was not checked for beforehand: its data is gone when it begins.
  const say = (line: string): void => {
    if (/^\d runs/.test(line)) rmSync(join(output, "data"), { recursive: true });
  };
  const failing = runComparison({
    variants: [broken],
    task: taskOf({ task: "shapes", strength: undefined }),
    seeds: 1,
    firstSeed: 1,
    steps: 1,
    scenes: 4,
    jobs: 1,
    baseline: "broken",
    output,
    display: { line: say, result: say },
  });
  await expect(failing).rejects.toThrow(/1 of 1 runs failed:\nbroken, seed 1: .*The dataset .* cannot be read/s);
}, 60_000);
