import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createHost,
  evaluate,
  learnerSettings,
  openJsonl,
  openPolicyInProcess,
  parseSettings,
  type Dataset,
  type OpenPolicy,
  type Row,
} from "@papo/core";
import { RandomMaskPlugin } from "@papo/plugins";
import { needsPicture, rightShare } from "../../../../../recipes/app/evaluation/question.ts";
import { evaluationOf } from "../../../../../recipes/app/report/read-evaluation.ts";
import { writeDataset } from "../../../../../recipes/app/tasks/shapes/dataset.ts";
import { evaluateShapes, evaluateSwapped } from "../../../../../recipes/app/tasks/shapes/evaluation.ts";
import { judgeRow } from "../../../../../recipes/app/tasks/shapes/judge.ts";
import { startModelFolder } from "../../../../../recipes/app/tasks/shapes/start-model.ts";
import { readFields } from "../../../../../recipes/app/tasks/shapes/truth.ts";

let folder = "";
let policy: OpenPolicy;
let dataset: Dataset;
let rows: Row[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluation-"));
  policy = await openPolicyInProcess({ folder: startModelFolder, threads: 1, ...learnerSettings(parseSettings()) });
  dataset = await openJsonl(await writeDataset(folder, { split: "test", seed: 5, count: 40 }));
  rows = await Promise.all(Array.from({ length: dataset.size }, async (_, index) => dataset.row(index)));
});
afterAll(async () => {
  await policy.close();
  await rm(folder, { recursive: true, force: true });
});

test("judges every question once greedily and once by sampling, and says how far it is", async () => {
  const progress: number[] = [];
  const { greedy, sampled } = await evaluateShapes({
    policy,
    dataset,
    onProgress: (done, total) => {
      expect(total).toBe(80);
      progress.push(done);
    },
  });
  expect([greedy.length, sampled!.length, progress.at(-1)]).toEqual([40, 40, 80]);
  expect(greedy.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  expect(greedy.map(needsPicture)).toEqual(rows.map((row) => readFields(row).visionDependent));
  for (const [
    index,
    {
      answers: [answer],
    },
  ] of greedy.entries()) {
    const { correct, errorClass, answer: box, reasoned } = judgeRow(answer!.text, rows[index]!);
    expect([answer!.outcome === "right", answer!.found, answer!.consistent]).toEqual([
      correct,
      box,
      reasoned === null ? null : reasoned === box,
    ]);
    if (errorClass !== null) expect(answer!.errorClass).toBe(errorClass);
    expect(answer!.parts["accuracy"]).toBe(correct ? 1 : 0);
  }
});

test("gives the same answers again; the seed decides the sampling and the mask alone", async () => {
  const [first, again, other] = [
    await evaluateShapes({ policy, dataset }),
    await evaluateShapes({ policy, dataset }),
    await evaluateShapes({ policy, dataset, seed: 2 }),
  ];
  expect(again).toEqual(first);
  expect(other.greedy.map(({ answers: [answer] }) => answer!.text)).toEqual(
    first.greedy.map(({ answers: [answer] }) => answer!.text),
  );
  expect(evaluationOf(other.greedy).klPrcp).not.toBe(evaluationOf(first.greedy).klPrcp);
});

test("the KL to the masked picture is that of scores asked for one by one", async () => {
  const { greedy } = await evaluateShapes({ policy, dataset, sampled: false });
  const [view] = createHost([new RandomMaskPlugin()], { seed: 1 }).views.values();
  const [sample] = await evaluate({
    policy,
    rows: rows.slice(3, 4),
    scorers: [],
    views: [view!],
    sampling: { temperature: 0, maxNewTokens: 40 },
  });
  const score = async (name: string) =>
    (
      await policy.learner.score(
        {
          prompts: [sample!.prompt.views.get(name)!],
          rows: [{ prompt: 0, tokens: sample!.response.tokens }],
          temperature: 1,
        },
        ["logProbs"],
      )
    ).logProbs!;
  const [real, masked] = [await score("original"), await score("masked")];
  const gaps = Array.from(real, (value, at) => masked[at]! - value);
  expect(gaps.some((gap) => Math.abs(gap) > 1e-3)).toBe(true);
  const { lost, kl } = greedy[3]!.answers[0]!.under["masked"]!;
  expect(lost).toBeCloseTo(-gaps.reduce((sum, gap) => sum + gap, 0), 4);
  expect(kl).toBeCloseTo(
    gaps.reduce((sum, gap) => sum + Math.min(10, Math.exp(gap) - gap - 1), 0),
    4,
  );
});

test("measures swapped pictures by the questions' own answers", async () => {
  const swapped = await evaluateSwapped(policy, dataset);
  expect(swapped.map(({ id, gold }) => [id, gold])).toEqual(rows.map(({ id, answer }) => [id, answer]));
  const right = (of: typeof swapped): number => of.filter((question) => rightShare(question) === 1).length / of.length;
  expect(right(swapped.filter(needsPicture))).toBeLessThan(
    right(swapped.filter((question) => !needsPicture(question))),
  );
});
