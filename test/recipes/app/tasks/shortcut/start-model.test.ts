import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { learnerSettings, openJsonl, openPolicyInProcess, parseSettings } from "@papo/core";
import { priorIsWrong } from "../../../../../recipes/app/evaluation/question.ts";
import { evaluationOf } from "../../../../../recipes/app/report/read-evaluation.ts";
import { evaluateShapes } from "../../../../../recipes/app/tasks/shapes/evaluation.ts";
import { shippedPrior, shippedStart, taskOf } from "../../../../../recipes/app/tasks/task.ts";

test("the shipped model is at most 6 MB, leans on the prior, and answers rightly where it is told rightly", async () => {
  expect(
    readdirSync(shippedStart).reduce((sum, name) => sum + statSync(join(shippedStart, name)).size, 0),
  ).toBeLessThan(6e6);
  const folder = mkdtempSync(join(tmpdir(), "shortcut-start-"));
  const policy = await openPolicyInProcess({ folder: shippedStart, threads: 1, ...learnerSettings(parseSettings()) });
  const task = taskOf({ task: `shortcut:${shippedPrior}`, strength: undefined });
  const dataset = await openJsonl(await task.writeRows(folder, { split: "test", seed: 9, count: 120 }));
  const { greedy } = await evaluateShapes({ policy, dataset, sampled: false });
  await policy.close();
  rmSync(folder, { recursive: true });
  const { overall, priorWrong } = evaluationOf(greedy).accuracy;
  expect(priorWrong!.n).toBe(greedy.filter(priorIsWrong).length);
  expect(priorWrong!.n).toBeGreaterThan(40);
  expect(priorWrong!.accuracy).toBeLessThan(0.1);
  expect(
    (overall.accuracy * overall.n - priorWrong!.accuracy * priorWrong!.n) / (overall.n - priorWrong!.n),
  ).toBeGreaterThan(0.85);
});
