import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { learnerSettings, openJsonl, openPolicyInProcess, parseSettings, type OpenPolicy } from "@papo/core";
import { needsPicture, rightShare } from "../../../../../recipes/app/evaluation/question.ts";
import { evaluationOf } from "../../../../../recipes/app/report/read-evaluation.ts";
import { writeDataset } from "../../../../../recipes/app/tasks/shapes/dataset.ts";
import { evaluateShapes, evaluateSwapped } from "../../../../../recipes/app/tasks/shapes/evaluation.ts";
import { pictureGrids, startModelFolder } from "../../../../../recipes/app/tasks/shapes/start-model.ts";

let folder = "";
let policy: OpenPolicy;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "start-model-"));
  policy = await openPolicyInProcess({ folder: startModelFolder, ...learnerSettings(parseSettings()) });
});
afterAll(async () => {
  await policy.close();
  await rm(folder, { recursive: true, force: true });
});

test("the shipped model is a folder of at most 6 MB", async () => {
  const sizes = await Promise.all(
    (await readdir(startModelFolder)).map(async (name) => (await stat(join(startModelFolder, name))).size),
  );
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(6e6);
});

test("it is right about half of the time, mostly without reasoning, and needs the picture for it", async () => {
  const dataset = await openJsonl(
    await writeDataset(folder, { split: "test", seed: 11, count: 150, grids: pictureGrids }),
  );
  const { greedy } = await evaluateShapes({ policy, dataset, sampled: false });
  const {
    accuracy: { overall, visionDependent },
    klPrcp,
  } = evaluationOf(greedy);
  expect(overall.accuracy).toBeGreaterThan(0.45);
  expect(overall.accuracy).toBeLessThan(0.6);
  expect(greedy.filter(({ answers: [answer] }) => answer!.consistent === null).length / 150).toBeGreaterThan(0.8);
  expect(greedy).toHaveLength(150);
  expect(klPrcp).toBeGreaterThan(0.1);
  const swapped = (await evaluateSwapped(policy, dataset)).filter(needsPicture);
  expect(
    visionDependent!.accuracy - swapped.filter((question) => rightShare(question) === 1).length / swapped.length,
  ).toBeGreaterThan(0.2);
});
