import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readRunFolder } from "../../../../recipes/app/report/read-run.ts";
import { allRollouts } from "../../../../recipes/app/report/rollouts.ts";
import { RunFolder } from "../../../../core/checkpoint/run-folder.ts";
import { parseSettings } from "../../../../core/contracts/settings.ts";
import type { Question } from "../../../../recipes/app/evaluation/question.ts";
import { questionOf } from "../../../support/questions.ts";
import { evaluationOf } from "./example-runs.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (file: string, ...lines: readonly unknown[]): Promise<void> =>
  writeFile(
    join(folder, file),
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"),
  );

const writeQuestions = async (place: string, questions: readonly Question[]): Promise<void> => {
  await mkdir(join(folder, place), { recursive: true });
  await writeFile(
    join(folder, place, "questions.jsonl"),
    questions.map((question) => `${JSON.stringify(question)}\n`).join(""),
  );
};

describe("readRunFolder", () => {
  it("reads header, steps with timings, samples and evaluations", async () => {
    const { questions } = evaluationOf(0.5, 1, 0.3, 0.9);
    await write("run.json", { name: "papo, seed 3", recipe: "papo", seed: 3, settings: { learningRate: 1e-4 } });
    await write(
      "metrics.jsonl",
      { step: 1, metrics: { "reward/mean": 0.25 } },
      { step: 2, "reward/mean": 0.5, note: "text" },
    );
    await write("timings.jsonl", { step: 2, seconds: 1.5, phases: { loss: 1 } });
    await write("samples.jsonl", { step: 1, key: "a", text: "hello", logProbs: [null, -1] });
    await writeQuestions("evaluation/before", questions);
    expect(readRunFolder(folder)).toMatchObject({
      name: "papo, seed 3",
      recipe: "papo",
      seed: 3,
      settings: { learningRate: 1e-4 },
      before: { questions },
      after: null,
      problems: [],
      steps: [
        { step: 1, metrics: { "reward/mean": 0.25 } },
        { step: 2, metrics: { "reward/mean": 0.5, "timing/seconds": 1.5, "timing/phases/loss": 1 } },
      ],
    });
    expect(allRollouts(readRunFolder(folder).rollouts)).toMatchObject([
      { step: 1, key: "a", text: "hello", logProbs: [0, -1], advantages: [], pieces: [] },
    ]);
  });

  it("reads what a run writes", () => {
    const written = new RunFolder(folder);
    const plugins = [
      { name: "PerceptionKlPlugin", options: { coefficient: 0.01, sub: { mode: "paper" } } },
      { name: "BarePlugin", options: null },
    ];
    written.describe({
      settings: parseSettings({ seed: 4, learningRate: 1e-4 }),
      plugins,
      dataset: { name: "shapes", size: 300 },
    });
    const append = (step: number, reward: number): void => {
      written.append({
        summary: { step, steps: 9, metrics: { "reward/mean": reward } },
        seconds: { rollout: 1.5, loss: 0.5 },
        terms: {},
        tokens: 300,
        skippedRows: 0,
      });
    };
    append(1, 0.5);
    append(2, Number.NaN);
    const run = readRunFolder(folder, { name: "papo, seed 4", recipe: "papo" });
    expect(run).toMatchObject({ name: "papo, seed 4", recipe: "papo", seed: 4, problems: [] });
    expect(run.settings).toMatchObject({
      learningRate: 1e-4,
      "sampling.temperature": 1,
      "dataset.name": "shapes",
      PerceptionKlPlugin: "coefficient: 0.01, sub.mode: paper",
      BarePlugin: "",
    });
    const timing = {
      "timing/seconds/rollout": 1.5,
      "timing/seconds/loss": 0.5,
      "timing/tokens": 300,
      "timing/step_seconds": 2,
      "timing/tokens_per_second": 150,
    };
    expect(run.steps).toEqual([
      { step: 1, metrics: { "reward/mean": 0.5, ...timing } },
      { step: 2, metrics: timing },
    ]);
  });

  it("counts an evaluation's answers, and reads the folder of one alone", async () => {
    const looks = (kl: number) => ({ under: { masked: { lost: 1, kl } } });
    const need = (value: boolean) => ({ categories: { visionDependent: String(value) } });
    const questions = [
      questionOf("a", looks(1), need(true)),
      questionOf("b", { ...looks(3), outcome: "wrong", errorClass: "perception", tokens: 12 }, need(true)),
      questionOf("c", { ...looks(100), errorClass: "false facts" }, need(false)),
      questionOf("d", { ...looks(100), outcome: "no answer", found: null, errorClass: "format" }, need(false)),
    ];
    await writeQuestions("evaluation/after", questions);
    await writeQuestions("evaluation/after/sampled", questions.slice(0, 2));
    await write("evaluation/after/settings.json", { data: "rows.jsonl", samples: 1, temperature: 0 });
    const { kind, after, problems } = readRunFolder(folder);
    expect(kind).toBe("run");
    expect(problems).toEqual([]);
    expect(after).toMatchObject({
      accuracy: {
        measure: "greedy",
        sampling: { data: "rows.jsonl", samples: 1, temperature: 0 },
        overall: { accuracy: 0.5, n: 4 },
        visionDependent: { accuracy: 0.5, n: 2 },
      },
      sampled: { measure: "avg@1", overall: { accuracy: 0.5, n: 2 } },
      // 4 nats over the 16 tokens of answers that need the picture.
      errors: { correct: 0.25, "correct, false facts": 0.25, perception: 0.25, format: 0.25 },
      klPrcp: 0.25,
      questions,
    });
    expect(readRunFolder(join(folder, "evaluation/after"))).toMatchObject({ kind: "evaluation", after });
  });

  it("shows an alarm once that a resumed run raised again", async () => {
    const alarm = { kind: "alarm", step: 3, plugin: "A", message: "m" };
    await write("alarms.jsonl", alarm, { ...alarm, step: 4 }, alarm);
    expect(readRunFolder(folder).alarms.map(({ step }) => step)).toEqual([3, 4]);
  });

  it("lets the later line count after a resume, and sorts by step", async () => {
    await write("metrics.jsonl", { step: 2, a: 1 }, { step: 1, a: 0 }, { step: 2, a: 5 });
    await write(
      "samples.jsonl",
      { step: 1, key: "a", index: 0, text: "first" },
      { step: 1, key: "a", index: 0, text: "again" },
    );
    const { steps, rollouts } = readRunFolder(folder);
    const samples = allRollouts(rollouts);
    expect(steps).toEqual([
      { step: 1, metrics: { a: 0 } },
      { step: 2, metrics: { a: 5 } },
    ]);
    expect(samples.map(({ text }) => text)).toEqual(["again"]);
  });

  it("takes what it can of a broken folder and says what it left out", async () => {
    await write("run.json", "{ broken");
    await write("metrics.jsonl", { step: 1, a: 1 }, `{"step": 2, "a`, { a: 3 });
    await mkdir(join(folder, "evaluation/after"), { recursive: true });
    await writeFile(join(folder, "evaluation/after/questions.jsonl"), '{"id":"a","question":"?","answers":"many"}\n');
    const run = readRunFolder(folder);
    expect(run).toMatchObject({
      name: basename(folder),
      recipe: basename(folder),
      steps: [{ step: 1, metrics: { a: 1 } }],
      after: null,
    });
    expect(run.problems).toEqual([
      "run.json: not JSON, perhaps cut short",
      expect.stringMatching(/^evaluation|^metrics/) as string,
      expect.stringMatching(/^evaluation|^metrics/) as string,
    ]);
    expect(run.problems.join("\n")).toContain(
      "metrics.jsonl: left out 2 of 3 lines, first line 2 (not JSON, perhaps cut short)",
    );
    expect(run.problems.join("\n")).toContain("questions.jsonl, line 1 is no question of an evaluation");
  });

  it("reads an empty folder as a run that has nothing yet, and refuses one that is not there", () => {
    expect(readRunFolder(folder)).toMatchObject({
      steps: [],
      rollouts: { heads: [] },
      before: null,
      after: null,
      problems: [],
    });
    expect(() => readRunFolder(join(folder, "none"))).toThrow("There is no run folder");
  });
});
