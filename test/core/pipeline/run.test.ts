import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkpointFolders } from "../../../core/checkpoint/checkpoint.ts";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { evaluate } from "../../../core/pipeline/evaluate.ts";
import { train } from "../../../core/pipeline/run.ts";
import type { EvaluationInLoop } from "../../../core/pipeline/run/options.ts";
import { BanditPlugin, letterRows, ScorerPlugin, TapPlugin } from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";
import { type BanditOptions, column, options, readMetrics, settings } from "./run/bandit-run.ts";

test("the reward rises under training", async () => {
  const run = options(settings({ steps: 40 }));
  const summary = await train(run);
  expect(summary).toMatchObject({ steps: 40, ended: "finished", reason: null, skippedRows: 0, resumedFrom: null });
  const rewards = column(run.output, "reward/mean") as number[];
  expect(rewards.slice(0, 3).reduce((a, b) => a + b) / 3).toBeLessThan(0.4);
  expect(rewards.slice(-3).reduce((a, b) => a + b) / 3).toBeGreaterThan(0.9);
});

test("equal runs leave equal metrics and weights; another seed does not", async () => {
  const runs = [options(), options(), options(settings({ seed: 2 }))] as const;
  for (const run of runs) await train(run);
  const [first, second, other] = runs.map(({ output }) => readFileSync(join(output, "metrics.jsonl"), "utf8"));
  expect(second).toBe(first);
  expect(other).not.toBe(first);
  expect(runs[1].policy.learner.weights).toEqual(runs[0].policy.learner.weights);
});

test("minibatches and epochs each take an optimizer step", async () => {
  const run = options(settings({ steps: 3, promptsPerMinibatch: 3, epochs: 2 }));
  await train(run);
  // Four prompts in threes: two minibatches, twice.
  expect(column(run.output, "learner/updates")).toEqual([4, 4, 4]);
  expect(run.policy.learner.version).toBe(12);
});

test("while the weights are those that sampled, the old scores are used again instead of a pass", async () => {
  const one = options(settings({ steps: 1, parityPrompts: 0 }));
  await train(one);
  expect(one.policy.learner.calls).toMatchObject({ score: 1, backward: 1, step: 1 });
  const four = options(settings({ steps: 1, parityPrompts: 0, promptsPerMinibatch: 1 }));
  await train(four);
  expect(four.policy.learner.calls).toMatchObject({ score: 4, backward: 4, step: 4 });
});

test("a sampler that disagrees with the learner is refused before anything is trained", async () => {
  const run = options({ policy: tabularPolicy({ samplerError: 1e-3 }) });
  await expect(train(run)).rejects.toThrow(
    /disagree by up to 1\.00e-3 nats .*allowed is 2\.0e-5 .*row ".".*sampler -.*learner -.*Nothing was trained/s,
  );
  expect(run.policy.learner.version).toBe(0);
});

test("a tolerated disagreement is a metric of every step", async () => {
  const run = options({
    policy: tabularPolicy({ samplerError: 1e-3 }),
    ...settings({ steps: 2, parityTolerance: 1e-2 }),
  });
  await train(run);
  for (const difference of column(run.output, "rollout/parity_max")) expect(difference).toBeCloseTo(1e-3, 5);
});

test("two plugins of one name are refused", async () => {
  await expect(train(options({ plugins: [new BanditPlugin(), new BanditPlugin()] }))).rejects.toThrow(
    "The recipe lists BanditPlugin twice",
  );
});

test("a view that nobody registers is refused with the plugin that asks", async () => {
  const asks = new TapPlugin(({ scores }) => void scores.request({ view: "masked", weights: "old" }));
  await expect(train(options({ plugins: [new ScorerPlugin(), asks] }))).rejects.toThrow(
    /TapPlugin asks for the view "masked", and no plugin registers it/,
  );
});

test("an empty dataset is refused", async () => {
  await expect(train(options({ dataset: arrayDataset([], "nothing") }))).rejects.toThrow('Dataset "nothing" is empty');
});

test("a prompt over the limit stops the run, or is left out and counted", async () => {
  const dataset = arrayDataset([{ prompt: "a" }, { prompt: "bbbbbb", id: "long" }, { prompt: "c" }]);
  const limits = { maxPromptTokens: 5, promptsPerStep: 3, steps: 2 };
  await expect(train(options({ dataset, ...settings(limits) }))).rejects.toThrow(
    /Row "long" has a prompt of 6 tokens, maxPromptTokens is 5 \(onLongPrompt: "skip"/,
  );
  const skips: string[] = [];
  const run = options({
    dataset,
    ...settings({ ...limits, onLongPrompt: "skip" }),
    onEvents: (events) => events.on("skip", ({ what, reason }) => skips.push(`${what}: ${reason}`)),
  });
  const summary = await train(run);
  expect(summary.skippedRows).toBeGreaterThan(1);
  expect(skips).toHaveLength(summary.skippedRows);
  expect(skips[0]).toMatch(/^row "long": .*6 tokens/);
  expect(column(run.output, "rollout/groups_sampled")).toEqual([3, 3]);
});

test("rows with a missing picture stop the run, or are left out; none usable at all is an error", async () => {
  const rows = [{ prompt: "a" }, { prompt: "b", id: "blind", images: ["/none/at/all.png"] }];
  await expect(train(options({ dataset: arrayDataset(rows) }))).rejects.toThrow(
    /Row "blind" cannot be used: .*all\.png.*onBadRow: "skip"/s,
  );
  const run = options({ dataset: arrayDataset(rows), ...settings({ onBadRow: "skip", steps: 2 }) });
  expect((await train(run)).skippedRows).toBeGreaterThan(0);
  const hopeless = options({ dataset: arrayDataset(rows.slice(1)), ...settings({ onBadRow: "skip" }) });
  await expect(train(hopeless)).rejects.toThrow(/rows could not be used, every row of the dataset among them/);
});

test("what is waited for between two steps holds the run, the checkpoint written; the signal meanwhile ends it without another step", async () => {
  const abort = new AbortController();
  const waited: (readonly [step: number, checkpoints: number[]])[] = [];
  const run = options({
    signal: abort.signal,
    between: async ({ step }) => {
      waited.push([step, checkpointFolders(join(run.output, "checkpoints")).map((checkpoint) => checkpoint.step)]);
      if (step === 5) abort.abort();
    },
  });
  expect(await train(run)).toMatchObject({
    steps: 5,
    ended: "interrupted",
    checkpoint: join(run.output, "checkpoints", "step-5"),
  });
  expect(waited.map(([step]) => step)).toEqual([1, 2, 3, 4, 5]);
  expect(waited[3]![1]).toContain(4);
  const resumed = options({
    output: run.output,
    resume: true,
    between: async ({ step }) => void waited.push([step, []]),
  });
  await train(resumed);
  expect(waited.at(-1)![0]).toBe(11);
  const whole = options();
  await train(whole);
  expect(resumed.policy.learner.weights).toEqual(whole.policy.learner.weights);
});

test("a plugin stops the run", async () => {
  const stops = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) => (step === 3 ? { stop: "good enough" } : undefined));
  });
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), stops] });
  expect(await train(run)).toMatchObject({
    steps: 3,
    ended: "stopped",
    reason: "good enough",
    checkpoint: join(run.output, "checkpoints", "step-3"),
  });
});

test("what is measured between steps goes with their metrics, changes nothing else, and repeats after a resume", async () => {
  const [plain, measuring, cut] = [
    options(settings({ steps: 6, checkpointEvery: 2 })),
    options(settings({ steps: 6, checkpointEvery: 2 })),
    options(settings({ steps: 6, checkpointEvery: 2 })),
  ];
  const evaluationOf = ({ policy }: BanditOptions): EvaluationInLoop => ({
    every: 2,
    measure: async ({ step }) => {
      const samples = await evaluate({
        policy,
        rows: [await letterRows.row(0)],
        scorers: [],
        samplesPerPrompt: 4,
        sampling: { temperature: 1, maxNewTokens: 3 },
      });
      return {
        "evaluation/step": step,
        "evaluation/tokens": samples.reduce((sum, { response }) => sum + response.tokens.reduce((a, b) => a + b, 0), 0),
      };
    },
  });
  await train(plain);
  await train({ ...measuring, evaluation: evaluationOf(measuring) });
  const without = readMetrics(measuring.output).map((metrics) =>
    Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.startsWith("evaluation/"))),
  );
  expect(without).toEqual(readMetrics(plain.output));
  expect(column(measuring.output, "evaluation/step")).toEqual([undefined, 2, undefined, 4, undefined, 6]);
  const dies = new TapPlugin(
    ({ hooks }) =>
      void hooks.groups.tapPromise("TapPlugin", (selection, { step }) =>
        step === 5 ? Promise.reject(new Error("cut")) : Promise.resolve(selection),
      ),
  );
  await expect(train({ ...cut, plugins: [...cut.plugins, dies], evaluation: evaluationOf(cut) })).rejects.toThrow(
    "Step 5 failed",
  );
  const resumed = { ...cut, plugins: [...cut.plugins, new TapPlugin(() => undefined)], policy: tabularPolicy() };
  await train({ ...resumed, evaluation: evaluationOf(resumed), resume: true });
  expect(readMetrics(cut.output)).toEqual(readMetrics(measuring.output));
});
