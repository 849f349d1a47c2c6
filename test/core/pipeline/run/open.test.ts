import { readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { train } from "../../../../core/pipeline/run.ts";
import type { TrainOptions } from "../../../../core/pipeline/run/options.ts";
import { BanditPlugin, repeatsTheLetter, ScorerPlugin, TapPlugin, temporaryFolder } from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";
import { type BanditOptions, column, options, settings } from "./bandit-run.ts";

test("an output folder with a run in it is refused unless it is resumed", async () => {
  const run = options(settings({ steps: 1 }));
  await train(run);
  await expect(train({ ...options(settings({ steps: 1 })), output: run.output })).rejects.toThrow(
    /holds a run already: resume it/,
  );
});

test("resuming with other settings or plugins is refused, and names what differs", async () => {
  const run = options(settings({ steps: 4 }));
  await train(run);
  const other = { ...options(settings({ steps: 4, learningRate: 0.3 })), output: run.output, resume: true };
  await expect(train(other)).rejects.toThrow(/settings\.learningRate: 0\.2 → 0\.3/);
  const more = {
    ...options(settings({ steps: 4 })),
    output: run.output,
    resume: true,
    plugins: [new ScorerPlugin(), new BanditPlugin(), new TapPlugin(() => undefined)],
  };
  await expect(train(more)).rejects.toThrow(/plugins\.2 TapPlugin: absent/);
});

test("a coefficient that remembers how often it was asked is the same after a resume", async () => {
  const decays = (): TapPlugin =>
    new TapPlugin(({ hooks, coefficient, state }) => {
      coefficient("decaying", 1);
      const asked = state({ times: 0 });
      hooks.coefficient.tap("TapPlugin", (value, { name }) =>
        name === "decaying" ? value / ++asked.value.times : value,
      );
    });
  const run = (changes: Partial<BanditOptions> = {}): BanditOptions =>
    options({ plugins: [new ScorerPlugin(), new BanditPlugin(), decays()], ...changes });
  const whole = run();
  await train(whole);
  expect(column(whole.output, "coefficient/decaying").slice(0, 3)).toEqual([1, 1 / 2, 1 / 3]);
  const abort = new AbortController();
  const cut = run({
    signal: abort.signal,
    onEvents: (events) => events.on("step", ({ step }) => step === 6 && abort.abort()),
  });
  await train(cut);
  await train(run({ output: cut.output, resume: true }));
  expect(column(cut.output, "coefficient/decaying")).toEqual(column(whole.output, "coefficient/decaying"));
});

test("a finished run that is resumed asks no plugin for a step that it does not have", async () => {
  const asked: number[] = [];
  const schedules = (): TapPlugin =>
    new TapPlugin(({ hooks, coefficient }) => {
      coefficient("scheduled", 1);
      hooks.coefficient.tap("TapPlugin", (value, { step }) => (asked.push(step), value));
      hooks.rollout.tap("TapPlugin", (plan, { step }) => (asked.push(step), plan));
    });
  const run = (changes: Partial<BanditOptions> = {}): BanditOptions =>
    options({ plugins: [new ScorerPlugin(), new BanditPlugin(), schedules()], ...changes });
  const whole = run();
  await train(whole);
  const lines: string[] = [];
  const again = run({
    output: whole.output,
    resume: true,
    onEvents: (events) => events.on("plan", (plan) => lines.push(...plan.lines)),
  });
  expect(await train(again)).toMatchObject({ ended: "finished", steps: 12 });
  expect(Math.max(...asked)).toBe(12);
  expect(lines[0]).toMatch(/^12 steps of .*, all of them done \(.*step-12\)$/);
});

test("a damaged newest checkpoint is passed over with an alarm, and the run ends the same", async () => {
  const run = options();
  await train(run);
  const whole = readFileSync(join(run.output, "metrics.jsonl"), "utf8");
  truncateSync(join(run.output, "checkpoints", "step-12", "policy", "weights.json"), 10);
  const alarms: string[] = [];
  const resumed = options({
    output: run.output,
    resume: true,
    onEvents: (events) => events.on("alarm", ({ message }) => alarms.push(message)),
  });
  expect((await train(resumed)).resumedFrom).toBe(join(run.output, "checkpoints", "step-8"));
  expect(alarms[0]).toMatch(/damaged checkpoint is passed over: .*step-12: policy\/weights\.json has 10 bytes/);
  expect(readFileSync(join(run.output, "metrics.jsonl"), "utf8")).toBe(whole);
});

test("a run says what computes it, and an alarm that it goes on with something else", async () => {
  const computedWith = (software: string): ReturnType<typeof tabularPolicy> => {
    const policy = tabularPolicy();
    Object.assign(policy.learner, { capabilities: { ...policy.learner.capabilities, software } });
    return policy;
  };
  const run = options({ policy: computedWith("onnxruntime-node 1.30.0"), ...settings({ steps: 2 }) });
  await train(run);
  const { computedBy } = JSON.parse(readFileSync(join(run.output, "run.json"), "utf8")) as { computedBy: object };
  expect(computedBy).toMatchObject({ node: process.versions.node, learner: "onnxruntime-node 1.30.0" });
  const alarms: string[] = [];
  const resumed = (software: string): Promise<unknown> =>
    train({
      ...options({ policy: computedWith(software), ...settings({ steps: 2 }) }),
      output: run.output,
      resume: true,
      onEvents: (events) => events.on("alarm", ({ message }) => alarms.push(message)),
    });
  await resumed("onnxruntime-node 1.30.0");
  expect(alarms).toEqual([]);
  await resumed("onnxruntime-node 1.31.0");
  expect(alarms).toEqual([expect.stringContaining("(learner onnxruntime-node 1.30.0 → onnxruntime-node 1.31.0)")]);
});

test("a replayed step reads its rewards from the journal", async () => {
  let calls = 0;
  const counting = new ScorerPlugin({ score: (sample) => (calls++, repeatsTheLetter(sample)) });
  const run = options({ plugins: [counting, new BanditPlugin()] });
  await train(run);
  expect(calls).toBe(12 * 4 * 6);
  rmSync(join(run.output, "checkpoints", "step-12"), { recursive: true });
  await train(options({ output: run.output, resume: true, plugins: [counting, new BanditPlugin()] }));
  expect(calls).toBe(12 * 4 * 6);
});

test("a copy of the weights follows them at its own pace, and is resumed with the run", async () => {
  const gaps = (plugins: number[][]): TapPlugin =>
    new TapPlugin(({ scores, copies, hooks }) => {
      copies.register({ name: "slow", decay: 0.5, every: 2 });
      const [slow, first] = [scores.request({ weights: "slow" }), scores.request({ weights: "reference" })];
      hooks.advantages.tap("TapPlugin", (advantages, batch) => {
        const [old, mine, start] = [batch.oldLogProbs, batch.get(slow), batch.get(first)].map((array) =>
          array.dataSync(),
        );
        const gap = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
          Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
        plugins.push([gap(mine!, start!), gap(mine!, old!)]);
        return advantages;
      });
    });
  const whole: number[][] = [];
  await train(
    options({
      plugins: [new ScorerPlugin(), gaps(whole), new BanditPlugin()],
      ...settings({ steps: 6, checkpointEvery: 3 }),
    }),
  );
  // In steps 1 and 2 it is what the run began with; then it lies between that and the current weights.
  expect(whole.slice(0, 2).map(([fromStart]) => fromStart)).toEqual([0, 0]);
  for (const [fromStart, fromCurrent] of whole.slice(2))
    expect(Math.min(fromStart!, fromCurrent!)).toBeGreaterThan(1e-4);
  const output = temporaryFolder();
  const parts: number[][] = [];
  const abort = new AbortController();
  const stopAt3 = (events: Parameters<NonNullable<TrainOptions["onEvents"]>>[0]): void =>
    events.on("step", ({ step }) => {
      if (step === 3) abort.abort();
    });
  const same = settings({ steps: 6, checkpointEvery: 3 });
  await train(
    options({
      plugins: [new ScorerPlugin(), gaps(parts), new BanditPlugin()],
      ...same,
      output,
      signal: abort.signal,
      onEvents: stopAt3,
    }),
  );
  await train(
    options({ plugins: [new ScorerPlugin(), gaps(parts), new BanditPlugin()], ...same, output, resume: true }),
  );
  expect(parts).toEqual(whole);
});
