import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { learnerSettings, openJsonl, openPolicyInProcess, parseSettings, type OpenPolicy, type Row } from "@papo/core";
import { datasetRows } from "../../../../recipes/rows.ts";
import { swapPictures, writeDataset } from "../../../../recipes/tasks/shapes/dataset.ts";
import { evaluateShapes, evaluateSwapped } from "../../../../recipes/tasks/shapes/evaluation.ts";
import { startModelFolder } from "../../../../recipes/tasks/shapes/start-model.ts";
import { readFields } from "../../../../recipes/tasks/shapes/truth.ts";

let folder = "";
let policy: OpenPolicy;
let rows: Row[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluation-"));
  policy = await openPolicyInProcess({ folder: startModelFolder, threads: 1, ...learnerSettings(parseSettings()) });
  rows = await datasetRows(await openJsonl(await writeDataset(folder, { split: "test", seed: 5, count: 40 })));
});
afterAll(async () => {
  await policy.close();
  await rm(folder, { recursive: true, force: true });
});

test("judges every question once greedily and the chosen ones by sampling, and says how far it is", async () => {
  const progress: number[] = [];
  const evaluation = await evaluateShapes({ policy, rows, sampledRows: rows.slice(0, 8), onProgress: (done, total) => {
    expect(total).toBe(48);
    progress.push(done);
  } });
  const { greedy, sampled, outcomes } = evaluation;
  expect([greedy.accuracy.total, sampled!.accuracy.total, progress.at(-1)]).toEqual([40, 8, 48]);
  expect(outcomes.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  expect(outcomes.map(({ visionDependent }) => visionDependent)).toEqual(rows.map((row) => readFields(row).visionDependent));
  expect(outcomes.filter(({ correct }) => correct)).toHaveLength(greedy.accuracy.count);
  expect(greedy.visionDependent.total + greedy.visionFree.total).toBe(40);
});

test("gives the same numbers again; the seed decides the sampling and the mask alone", async () => {
  const some = rows.slice(0, 16);
  const [first, again, other] = [await evaluateShapes({ policy, rows: some }), await evaluateShapes({ policy, rows: some }), await evaluateShapes({ policy, rows: some, seed: 2 })];
  expect(again).toEqual(first);
  expect(other.greedy).toEqual(first.greedy);
  expect(other.klPrcp).not.toBe(first.klPrcp);
});

test("has no KL_prcp, and no swapped picture to measure, where no question needs the picture", async () => {
  const free = rows.filter((row) => !readFields(row).visionDependent).slice(0, 3);
  expect(free.length).toBeGreaterThan(0);
  const { klPrcp, greedy } = await evaluateShapes({ policy, rows: free, sampledRows: [] });
  expect(klPrcp).toBe(0);
  expect(greedy.visionDependent.total).toBe(0);
});

test("measures swapped pictures by the questions' own answers", async () => {
  const swapped = swapPictures(rows);
  const { accuracy, visionDependent, visionFree } = await evaluateSwapped(policy, swapped);
  expect(accuracy.total).toBe(swapped.length);
  expect(visionDependent.total).toBe(swapped.filter((row) => readFields(row).visionDependent).length);
  expect(visionDependent.value).toBeLessThan(visionFree.value);
});
