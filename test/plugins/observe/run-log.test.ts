import "@papo/core/testing";
import { appendFile, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Experience, Sample } from "@papo/core";
import { createHost } from "../../../core/host/host.ts";
import { RunLogPlugin } from "../../../plugins/observe/run-log.ts";
import { train } from "../../../core/pipeline/run.ts";
import { readRunFolder } from "../../../recipes/app/report/read-run.ts";
import { allRollouts } from "../../../recipes/app/report/rollouts.ts";
import { BanditPlugin, ScorerPlugin, banditSettings, letterRows } from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-log-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const grey = (hash: string, value: number) => ({
  hash,
  grid: [1, 2, 2] as const,
  pixels: new Float32Array(4 * 3 * 2 * 14 * 14).fill(value),
});

const experienceAt = (step: number): Experience => {
  const tokens = Int32Array.of(3, 4);
  const logProbs = Float32Array.of(-0.25, -1);
  const samples = ["a", "b"].map((key): Sample => {
    const views = new Map([
      ["original", { ids: tokens, pictures: [grey("sha256/a+b", 0)] }],
      ["masked", { ids: tokens, pictures: [grey(`masked ${key}`, -5)] }],
    ]);
    const picture = { width: 28, height: 28, data: new Uint8Array(28 * 28 * 3), source: "test" };
    return {
      prompt: {
        key,
        row: { id: key, prompt: "how many?", system: null, images: ["x.png"], answer: "2", fields: {} },
        pictures: [picture],
        views,
      },
      response: {
        index: 0,
        segments: [{ source: "policy", tokens, text: "two </script>" }],
        tokens,
        text: "two </script>",
        rawText: "two </script>",
        opening: "",
        logProbs,
        behaviourLogProbs: logProbs,
        finish: "length",
        view: "original",
      },
      views,
      scored: 0,
      reward: 0.5,
      parts: { accuracy: 0.5 },
      notes: { accuracy: "perception" },
    };
  });
  return {
    step,
    samples,
    T: 2,
    arrays: { advantages: Float32Array.of(1, 1, -1, -1), "masked/old/logProbs": Float32Array.of(-1.25, -1, -0.25, -1) },
  };
};

const start = (options: Partial<ConstructorParameters<typeof RunLogPlugin>[0]> = {}) => {
  const host = createHost(
    [
      new RunLogPlugin({
        folder,
        every: 10,
        decode: (tokens) => [...tokens].map((token) => `<${token}>`).join(""),
        ...options,
      }),
    ],
    { seed: 1 },
  );
  const finish = (step: number) => host.hooks.stepped.promise({ step, steps: 20, metrics: {} });
  return { events: host.events, finish };
};

describe("RunLogPlugin", () => {
  it("writes samples that a report reads back, with what the model saw as pictures", async () => {
    const { events, finish } = start();
    for (const step of [1, 2, 10]) {
      events.emit("experience", experienceAt(step));
      await finish(step);
    }
    const { rollouts, problems } = readRunFolder(folder);
    const samples = allRollouts(rollouts);
    expect(problems).toEqual([]);
    expect(samples.map(({ step, key }) => [step, key])).toEqual([
      [1, "a"],
      [1, "b"],
      [10, "a"],
      [10, "b"],
    ]);
    expect(samples[1]).toMatchObject({
      question: "how many?",
      answer: "2",
      text: "two </script>",
      finish: "length",
      pieces: ["<3>", "<4>"],
      reward: 0.5,
      parts: { accuracy: 0.5 },
      notes: { accuracy: "perception" },
      logProbs: [-0.25, -1],
      advantages: [-1, -1],
      perceptionKl: { masked: [0, 0] },
    });
    expect(samples[0]?.perceptionKl["masked"]?.[0]).toBeCloseTo(Math.exp(-1), 4);
    const views = samples[0]?.pictures[0]?.views ?? {};
    expect(Object.keys(views)).toEqual(["original", "masked"]);
    expect(await readdir(join(folder, "pictures"))).toHaveLength(3);
    const { data, info } = await sharp(join(folder, views["masked"] ?? ""))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, Math.max(...data)]).toEqual([28, 28, 0]);
  });

  it("writes alarms, skips and checkpoints, and closes a line that a kill cut short", async () => {
    await writeFile(join(folder, "alarms.jsonl"), `{"kind":"alarm","step":1,"plugin":"A","message":"m"}\n{"kind":"ala`);
    const { events } = start();
    events.emit("alarm", { step: 3, plugin: "GuardPlugin", message: "entropy falls" });
    events.emit("skip", { step: 4, what: "row 7", reason: "corrupt image" });
    events.emit("checkpoint", { step: 5, folder: "step-5" });
    const { alarms, problems } = readRunFolder(folder);
    expect(alarms).toEqual([
      { kind: "alarm", step: 1, message: "A: m" },
      { kind: "alarm", step: 3, message: "GuardPlugin: entropy falls" },
      { kind: "skip", step: 4, message: "row 7: corrupt image" },
      { kind: "checkpoint", step: 5, message: "step-5" },
    ]);
    expect(problems).toEqual(["alarms.jsonl: left out 1 of 5 lines, first line 2 (not JSON, perhaps cut short)"]);
  });

  it("cuts the samples of steps that a resumed run does again, and what a full disk left of a line", async () => {
    const stepsOf = async () =>
      (await readFile(join(folder, "samples.jsonl"), "utf8"))
        .split("\n")
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { step: number }).step);
    const { events: killed } = start({ every: 1 });
    for (const step of [1, 2, 3]) killed.emit("experience", experienceAt(step));
    await appendFile(join(folder, "samples.jsonl"), `${"\0".repeat(3 << 20)}\n{"step":4,"key`);
    const { events: resumed } = start({ every: 1 });
    for (const step of [3, 4]) resumed.emit("experience", experienceAt(step));
    expect(await stepsOf()).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    const { events: anew } = start({ every: 1 });
    anew.emit("experience", experienceAt(1));
    expect(await stepsOf()).toEqual([1, 1]);
  });

  it("raises one alarm and lets the run go on when it cannot write", async () => {
    await appendFile(join(folder, "file"), "");
    const { events, finish } = start({ folder: join(folder, "file", "below") });
    const alarms: string[] = [];
    events.on("alarm", ({ plugin, message }) => alarms.push(`${plugin}: ${message}`));
    events.emit("experience", experienceAt(1));
    events.emit("experience", experienceAt(10));
    expect(await finish(10)).toBeUndefined();
    expect(alarms).toHaveLength(1);
    expect(alarms[0]).toMatch(/^RunLogPlugin: cannot write to .*file/);
  });

  it("gives equal runs equal files", async () => {
    const texts = [];
    for (const name of ["one", "two"]) {
      const { events, finish } = start({ folder: join(folder, name) });
      events.emit("experience", experienceAt(1));
      await finish(1);
      texts.push(await readFile(join(folder, name, "samples.jsonl"), "utf8"));
    }
    expect(texts[0]).toBe(texts[1]);
  });

  it("logs a real run, and lets it resume with another log", async () => {
    const policy = tabularPolicy();
    const log = (every: number) =>
      new RunLogPlugin({ folder, every, decode: (tokens) => policy.processor.decode(tokens) });
    const run = { policy, dataset: letterRows, output: folder };
    const settings = { ...banditSettings, steps: 4, checkpointEvery: 2 };
    const interrupt = new AbortController();
    interrupt.abort();
    await train({
      ...run,
      settings,
      plugins: [new BanditPlugin(), new ScorerPlugin(), log(1)],
      signal: interrupt.signal,
    });
    const { steps } = await train({
      ...run,
      settings,
      plugins: [new BanditPlugin(), new ScorerPlugin(), log(2)],
      resume: true,
    });
    const record = readRunFolder(folder);
    const samples = allRollouts(record.rollouts);
    expect(steps).toBe(4);
    expect(record.problems).toEqual([]);
    expect(record.alarms.filter(({ kind }) => kind === "end")).toEqual([
      { kind: "end", step: 0, message: "interrupted" },
      { kind: "end", step: 4, message: "finished" },
    ]);
    expect(record.steps).toHaveLength(4);
    expect(new Set(samples.map(({ step }) => step))).toEqual(new Set([1, 2, 4]));
    for (const { pieces, text, advantages, logProbs, parts } of samples) {
      expect(pieces.join("")).toBe(text);
      expect([advantages.length, logProbs.length]).toEqual([pieces.length, pieces.length]);
      expect([0, 1]).toContain(parts["match"]);
    }
  });

  it("names an option it does not know", () => {
    expect(() => new RunLogPlugin({ folder, evry: 3 } as never)).toThrow(
      /RunLogPlugin: unknown option "evry"; did you mean "every"/,
    );
  });
});
