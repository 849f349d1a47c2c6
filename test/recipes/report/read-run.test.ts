import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readRunFolder } from "../../../recipes/report/read-run.ts";
import { evaluationOf } from "./example-runs.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (file: string, ...lines: readonly unknown[]): Promise<void> =>
  writeFile(join(folder, file), lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));

describe("readRunFolder", () => {
  it("reads header, steps with timings, samples and evaluations", async () => {
    const before = evaluationOf(0.5, 1, 0.3, 0.9);
    await write("run.json", { name: "papo, seed 3", recipe: "papo", seed: 3, settings: { learningRate: 1e-4 } });
    await write("metrics.jsonl", { step: 1, metrics: { "reward/mean": 0.25 } }, { step: 2, "reward/mean": 0.5, note: "text" });
    await write("timings.jsonl", { step: 2, seconds: 1.5, phases: { loss: 1 } });
    await write("samples.jsonl", { step: 1, key: "a", text: "hello", logProbs: [null, -1] });
    await write("evaluation.json", { before, after: null });
    expect(readRunFolder(folder)).toMatchObject({
      name: "papo, seed 3", recipe: "papo", seed: 3, settings: { learningRate: 1e-4 }, before, after: null, problems: [],
      steps: [{ step: 1, metrics: { "reward/mean": 0.25 } }, { step: 2, metrics: { "reward/mean": 0.5, "timing/seconds": 1.5 } }],
      samples: [{ step: 1, key: "a", text: "hello", logProbs: [0, -1], advantages: [], pieces: [] }],
    });
  });

  it("lets the later line count after a resume, and sorts by step", async () => {
    await write("metrics.jsonl", { step: 2, a: 1 }, { step: 1, a: 0 }, { step: 2, a: 5 });
    await write("samples.jsonl", { step: 1, key: "a", index: 0, text: "first" }, { step: 1, key: "a", index: 0, text: "again" });
    const { steps, samples } = readRunFolder(folder);
    expect(steps).toEqual([{ step: 1, metrics: { a: 0 } }, { step: 2, metrics: { a: 5 } }]);
    expect(samples.map(({ text }) => text)).toEqual(["again"]);
  });

  it("takes what it can of a broken folder and says what it left out", async () => {
    await write("run.json", "{ broken");
    await write("metrics.jsonl", { step: 1, a: 1 }, `{"step": 2, "a`, { a: 3 });
    await write("evaluation.json", { after: { greedy: { overall: { accuracy: "high" } } } });
    const run = readRunFolder(folder);
    expect(run).toMatchObject({ name: basename(folder), recipe: "run", steps: [{ step: 1, metrics: { a: 1 } }], after: null });
    expect(run.problems).toEqual([
      "run.json: not JSON, perhaps cut short",
      expect.stringMatching(/^evaluation|^metrics/) as string,
      expect.stringMatching(/^evaluation|^metrics/) as string,
    ]);
    expect(run.problems.join("\n")).toContain("metrics.jsonl: left out 2 of 3 lines, first line 2 (not JSON, perhaps cut short)");
    expect(run.problems.join("\n")).toContain(`evaluation.json: "after" is not an evaluation (greedy.overall.accuracy`);
  });

  it("reads an empty folder as a run that has nothing yet, and refuses one that is not there", () => {
    expect(readRunFolder(folder)).toMatchObject({ steps: [], samples: [], before: null, after: null, problems: [] });
    expect(() => readRunFolder(join(folder, "none"))).toThrow("There is no run folder");
  });
});
