import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkpointFolders } from "../../../core/checkpoint/checkpoint.ts";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { evaluate } from "../../../core/pipeline/evaluate.ts";
import { train } from "../../../core/pipeline/run.ts";
import { type EvaluationInLoop, type TrainOptions } from "../../../core/pipeline/run/options.ts";
import { BanditPlugin, banditSettings, letterRows, repeatsTheLetter, ScorerPlugin, TapPlugin, temporaryFolder } from "../../support/bandit.ts";
import { tabularPolicy, type TabularPolicy } from "../../support/tabular-policy.ts";

type Options = Omit<TrainOptions, "policy" | "output"> & { readonly policy: { readonly learner: TabularPolicy } & TrainOptions["policy"]; readonly output: string };

const options = (changes: Partial<Options> = {}): Options => ({
  policy: tabularPolicy(), plugins: [new ScorerPlugin(), new BanditPlugin()], dataset: letterRows, settings: banditSettings, output: temporaryFolder(), ...changes,
});
const settings = (changes: object) => ({ settings: { ...banditSettings, ...changes } });
const readMetrics = (output: string): Record<string, number>[] =>
  readFileSync(join(output, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics);
const column = (output: string, name: string): (number | undefined)[] => readMetrics(output).map((metrics) => metrics[name]);

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
  await expect(train(run)).rejects.toThrow(/disagree by up to 1\.00e-3 nats .*allowed is 2\.0e-5 .*row ".".*sampler -.*learner -.*Nothing was trained/s);
  expect(run.policy.learner.version).toBe(0);
});

test("a tolerated disagreement is a metric of every step", async () => {
  const run = options({ policy: tabularPolicy({ samplerError: 1e-3 }), ...settings({ steps: 2, parityTolerance: 1e-2 }) });
  await train(run);
  for (const difference of column(run.output, "rollout/parity_max")) expect(difference).toBeCloseTo(1e-3, 5);
});

test("two plugins of one name are refused", async () => {
  await expect(train(options({ plugins: [new BanditPlugin(), new BanditPlugin()] }))).rejects.toThrow("The recipe lists BanditPlugin twice");
});

test("a view that nobody registers is refused with the plugin that asks", async () => {
  const asks = new TapPlugin(({ scores }) => void scores.request({ view: "masked", weights: "old" }));
  await expect(train(options({ plugins: [new ScorerPlugin(), asks] }))).rejects.toThrow(/TapPlugin asks for the view "masked", and no plugin registers it/);
});

test("an empty dataset is refused", async () => {
  await expect(train(options({ dataset: arrayDataset([], "nothing") }))).rejects.toThrow('Dataset "nothing" is empty');
});

test("an output folder with a run in it is refused unless it is resumed", async () => {
  const run = options(settings({ steps: 1 }));
  await train(run);
  await expect(train({ ...options(settings({ steps: 1 })), output: run.output })).rejects.toThrow(/holds a run already: resume it/);
});

test("a prompt over the limit stops the run, or is left out and counted", async () => {
  const dataset = arrayDataset([{ prompt: "a" }, { prompt: "bbbbbb", id: "long" }, { prompt: "c" }]);
  const limits = { maxPromptTokens: 5, promptsPerStep: 3, steps: 2 };
  await expect(train(options({ dataset, ...settings(limits) }))).rejects.toThrow(/Row "long" has a prompt of 6 tokens, maxPromptTokens is 5 \(onLongPrompt: "skip"/);
  const skips: string[] = [];
  const run = options({
    dataset, ...settings({ ...limits, onLongPrompt: "skip" }),
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
  await expect(train(options({ dataset: arrayDataset(rows) }))).rejects.toThrow(/Row "blind" cannot be used: .*all\.png.*onBadRow: "skip"/s);
  const run = options({ dataset: arrayDataset(rows), ...settings({ onBadRow: "skip", steps: 2 }) });
  expect((await train(run)).skippedRows).toBeGreaterThan(0);
  const hopeless = options({ dataset: arrayDataset(rows.slice(1)), ...settings({ onBadRow: "skip" }) });
  await expect(train(hopeless)).rejects.toThrow(/rows could not be used, every row of the dataset among them/);
});

test("a step that fails says how to go on, and what was done before is saved", async () => {
  const breaks = new TapPlugin(({ hooks }) => {
    hooks.prompts.tapPromise("TapPlugin", async (rows, { step }) => {
      if (step === 7) throw new Error("out of luck");
      return rows;
    });
  });
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), breaks] });
  await expect(train(run)).rejects.toThrow(/Step 7 failed: TapPlugin failed in hook "prompts": out of luck\n.*up to step 6 is safe in .*step-6; resume: true/);
  const sound = new TapPlugin(() => undefined);
  const resumed = options({ output: run.output, plugins: [new ScorerPlugin(), new BanditPlugin(), sound], resume: true });
  expect(await train(resumed)).toMatchObject({ steps: 12, ended: "finished", resumedFrom: join(run.output, "checkpoints", "step-6") });
  const whole = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), sound] });
  await train(whole);
  expect(readFileSync(join(run.output, "metrics.jsonl"), "utf8")).toBe(readFileSync(join(whole.output, "metrics.jsonl"), "utf8"));
});

test("a step that fails after an update leaves the last checkpoint", async () => {
  let updates = 0;
  const breaks = new TapPlugin(({ hooks }) => {
    hooks.terms.tap("TapPlugin", (terms) => {
      if (++updates === 12) throw new Error("out of luck");
      return terms;
    });
  });
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), breaks], ...settings({ promptsPerMinibatch: 2 }) });
  await expect(train(run)).rejects.toThrow(/Step 6 failed: .*out of luck\n.*up to step 4 is safe/);
  expect(existsSync(join(run.output, "checkpoints", "step-5"))).toBe(false);
});

test("resuming with other settings or plugins is refused, and names what differs", async () => {
  const run = options(settings({ steps: 4 }));
  await train(run);
  const other = { ...options(settings({ steps: 4, learningRate: 0.3 })), output: run.output, resume: true };
  await expect(train(other)).rejects.toThrow(/settings\.learningRate: 0\.2 → 0\.3/);
  const more = { ...options(settings({ steps: 4 })), output: run.output, resume: true, plugins: [new ScorerPlugin(), new BanditPlugin(), new TapPlugin(() => undefined)] };
  await expect(train(more)).rejects.toThrow(/plugins\.2 TapPlugin: absent/);
});

test("the signal ends the run after its step, with a checkpoint to go on from", async () => {
  const abort = new AbortController();
  const run = options({ signal: abort.signal, onEvents: (events) => events.on("step", ({ step }) => step === 6 && abort.abort()) });
  expect(await train(run)).toMatchObject({ steps: 6, ended: "interrupted", checkpoint: join(run.output, "checkpoints", "step-6") });
  const resumed = options({ output: run.output, resume: true });
  await train(resumed);
  const whole = options();
  await train(whole);
  expect(resumed.policy.learner.weights).toEqual(whole.policy.learner.weights);
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
  expect(await train(run)).toMatchObject({ steps: 5, ended: "interrupted", checkpoint: join(run.output, "checkpoints", "step-5") });
  expect(waited.map(([step]) => step)).toEqual([1, 2, 3, 4, 5]);
  expect(waited[3]![1]).toContain(4);
  const resumed = options({ output: run.output, resume: true, between: async ({ step }) => void waited.push([step, []]) });
  await train(resumed);
  expect(waited.at(-1)![0]).toBe(11);
  const whole = options();
  await train(whole);
  expect(resumed.policy.learner.weights).toEqual(whole.policy.learner.weights);
});

test("a coefficient that remembers how often it was asked is the same after a resume", async () => {
  const decays = (): TapPlugin =>
    new TapPlugin(({ hooks, coefficient, state }) => {
      coefficient("decaying", 1);
      const asked = state({ times: 0 });
      hooks.coefficient.tap("TapPlugin", (value, { name }) => (name === "decaying" ? value / ++asked.value.times : value));
    });
  const run = (changes: Partial<Options> = {}): Options => options({ plugins: [new ScorerPlugin(), new BanditPlugin(), decays()], ...changes });
  const whole = run();
  await train(whole);
  expect(column(whole.output, "coefficient/decaying").slice(0, 3)).toEqual([1, 1 / 2, 1 / 3]);
  const abort = new AbortController();
  const cut = run({ signal: abort.signal, onEvents: (events) => events.on("step", ({ step }) => step === 6 && abort.abort()) });
  await train(cut);
  await train(run({ output: cut.output, resume: true }));
  expect(column(cut.output, "coefficient/decaying")).toEqual(column(whole.output, "coefficient/decaying"));
});

test("a plugin stops the run", async () => {
  const stops = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) => (step === 3 ? { stop: "good enough" } : undefined));
  });
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), stops] });
  expect(await train(run)).toMatchObject({ steps: 3, ended: "stopped", reason: "good enough", checkpoint: join(run.output, "checkpoints", "step-3") });
});

test("a plugin rolls back to the last checkpoint's weights, and the run goes on with fresh prompts", async () => {
  const alarms: string[] = [];
  const rolls = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) => (step === 6 ? { rollBack: "it went wrong" } : undefined));
  });
  const run = options({
    plugins: [new ScorerPlugin(), new BanditPlugin(), rolls], ...settings({ steps: 7 }),
    onEvents: (events) => events.on("alarm", ({ message }) => alarms.push(message)),
  });
  await train(run);
  expect(alarms).toEqual(["rolled back to the weights of step 4: it went wrong"]);
  // Four steps, and the seventh.
  expect(run.policy.learner.version).toBe(5);
  expect(readMetrics(run.output)).toHaveLength(7);
});

test("only the newest checkpoints are kept, each with weights, state and the rewards since the one before", async () => {
  const run = options(settings({ keepCheckpoints: 2 }));
  await train(run);
  const folder = join(run.output, "checkpoints");
  expect(readdirSync(folder).sort()).toEqual(["step-12", "step-8"]);
  expect(readdirSync(join(folder, "step-12"), { recursive: true, encoding: "utf8" }).sort()).toEqual([
    "files.json", "policy", "policy/optimizer.json", "policy/weights.json", "rewards",
    "rewards/step-10.jsonl", "rewards/step-11.jsonl", "rewards/step-12.jsonl", "rewards/step-9.jsonl", "state.json",
  ]);
});

test("a damaged newest checkpoint is passed over with an alarm, and the run ends the same", async () => {
  const { truncateSync } = await import("node:fs");
  const run = options();
  await train(run);
  const whole = readFileSync(join(run.output, "metrics.jsonl"), "utf8");
  truncateSync(join(run.output, "checkpoints", "step-12", "policy", "weights.json"), 10);
  const alarms: string[] = [];
  const resumed = options({ output: run.output, resume: true, onEvents: (events) => events.on("alarm", ({ message }) => alarms.push(message)) });
  expect((await train(resumed)).resumedFrom).toBe(join(run.output, "checkpoints", "step-8"));
  expect(alarms[0]).toMatch(/damaged checkpoint is passed over: .*step-12: policy\/weights\.json has 10 bytes/);
  expect(readFileSync(join(run.output, "metrics.jsonl"), "utf8")).toBe(whole);
});

test("a replayed step reads its rewards from the journal", async () => {
  let calls = 0;
  const counting = new ScorerPlugin({ score: (sample) => (calls++, repeatsTheLetter(sample)) });
  const run = options({ plugins: [counting, new BanditPlugin()] });
  await train(run);
  expect(calls).toBe(12 * 4 * 6);
  const { rmSync } = await import("node:fs");
  rmSync(join(run.output, "checkpoints", "step-12"), { recursive: true });
  await train(options({ output: run.output, resume: true, plugins: [counting, new BanditPlugin()] }));
  expect(calls).toBe(12 * 4 * 6);
});

test("a plugin rolls back to the newest checkpoint that is not after a step", async () => {
  const plugin = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) => (step === 7 ? { rollBack: "it went wrong", before: 5 } : undefined));
  });
  const messages: string[] = [];
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), plugin], ...settings({ checkpointEvery: 2, keepCheckpoints: 3 }), onEvents: (events) => events.on("alarm", ({ message }) => messages.push(message)) });
  await train(run);
  expect(messages).toEqual(["rolled back to the weights of step 4: it went wrong"]);
});

test("a copy of the weights follows them at its own pace, and is resumed with the run", async () => {
  const gaps = (plugins: number[][]): TapPlugin => new TapPlugin(({ scores, copies, hooks }) => {
    copies.register({ name: "slow", decay: 0.5, every: 2 });
    const [slow, first] = [scores.request({ weights: "slow" }), scores.request({ weights: "reference" })];
    hooks.advantages.tap("TapPlugin", (advantages, batch) => {
      const [old, mine, start] = [batch.oldLogProbs, batch.get(slow), batch.get(first)].map((array) => array.dataSync());
      const gap = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
      plugins.push([gap(mine!, start!), gap(mine!, old!)]);
      return advantages;
    });
  });
  const whole: number[][] = [];
  await train(options({ plugins: [new ScorerPlugin(), gaps(whole), new BanditPlugin()], ...settings({ steps: 6, checkpointEvery: 3 }) }));
  // In steps 1 and 2 it is what the run began with; then it lies between that and the current weights.
  expect(whole.slice(0, 2).map(([fromStart]) => fromStart)).toEqual([0, 0]);
  for (const [fromStart, fromCurrent] of whole.slice(2)) expect(Math.min(fromStart!, fromCurrent!)).toBeGreaterThan(1e-4);
  const output = temporaryFolder();
  const parts: number[][] = [];
  const abort = new AbortController();
  const stopAt3 = (events: Parameters<NonNullable<TrainOptions["onEvents"]>>[0]): void => events.on("step", ({ step }) => {
    if (step === 3) abort.abort();
  });
  const same = settings({ steps: 6, checkpointEvery: 3 });
  await train(options({ plugins: [new ScorerPlugin(), gaps(parts), new BanditPlugin()], ...same, output, signal: abort.signal, onEvents: stopAt3 }));
  await train(options({ plugins: [new ScorerPlugin(), gaps(parts), new BanditPlugin()], ...same, output, resume: true }));
  expect(parts).toEqual(whole);
});

const pipelined = { pipelined: "rewards", steps: 9, checkpointEvery: 4 };

test("pipelined, a step trains on what the weights before the last updates sampled, and says so", async () => {
  const run = options(settings({ ...pipelined, steps: 40, checkpointEvery: 0, promptsPerMinibatch: 2 }));
  await train(run);
  // Two updates a step; the first step has nothing before it.
  expect(column(run.output, "rollout/staleness")).toEqual([0, ...Array.from({ length: 39 }, () => 2)]);
  expect(Math.max(...(column(run.output, "rollout/parity_max") as number[]))).toBeLessThan(1e-6);
  const rewards = column(run.output, "reward/mean") as number[];
  expect(rewards.slice(-3).reduce((a, b) => a + b) / 3).toBeGreaterThan(0.9);
});

test("pipelined, the next step is scored while this one is trained on, and heard of when it begins", async () => {
  const heard: string[] = [];
  const scorer = { score: (sample: Parameters<typeof repeatsTheLetter>[0]) => (heard.push("scored"), repeatsTheLetter(sample)) };
  const follows = new TapPlugin(({ hooks }) => hooks.stepped.tapPromise("TapPlugin", ({ step }) => (heard.push(`stepped ${step}`), Promise.resolve(undefined))));
  const run = options({ plugins: [new ScorerPlugin(scorer), new BanditPlugin(), follows], ...settings({ ...pipelined, steps: 2, parityPrompts: 0 }) });
  await train({ ...run, onEvents: (events) => events.on("response", ({ step }) => void heard.push(`response ${step}`)) });
  const at = heard.indexOf("stepped 1");
  expect(heard.slice(0, at).filter((what) => what === "scored")).toHaveLength(48);
  expect(heard.slice(0, at).filter((what) => what === "response 2")).toHaveLength(0);
  expect(heard.slice(at).filter((what) => what === "response 2")).toHaveLength(24);
});

test("pipelined, a resumed run repeats the steps of one that was left alone: after a checkpoint a step is sampled afresh", async () => {
  const [whole, cut] = [options(settings(pipelined)), options(settings(pipelined))];
  await train(whole);
  expect(column(whole.output, "rollout/staleness")).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0]);
  const dies = new TapPlugin(({ hooks }) => void hooks.groups.tapPromise("TapPlugin", (selection, { step }) => (step === 7 ? Promise.reject(new Error("cut")) : Promise.resolve(selection))));
  // What is saved when step 7 fails is the end of step 6, its place in the data before the rows of step 7.
  await expect(train({ ...cut, plugins: [...cut.plugins, dies] })).rejects.toThrow(/Step 7 failed: .*cut.*up to step 6 is safe/s);
  const harmless = new TapPlugin(() => undefined);
  await train({ ...cut, plugins: [...cut.plugins, harmless], policy: tabularPolicy(), resume: true });
  expect(column(cut.output, "reward/mean").slice(0, 6)).toEqual(column(whole.output, "reward/mean").slice(0, 6));
  expect(column(cut.output, "rollout/staleness")).toEqual([0, 1, 1, 1, 0, 1, 0, 1, 0]);
  const rows = (output: string, step: number): string[] => [...new Set(readFileSync(join(output, "rewards", `step-${step}.jsonl`), "utf8").trim().split("\n").map((line) => (JSON.parse(line) as { prompt: string }).prompt))];
  for (const step of [6, 7, 8, 9]) expect(rows(cut.output, step)).toEqual(rows(whole.output, step));
  const again = options(settings(pipelined));
  await train(again);
  expect(readMetrics(again.output)).toEqual(readMetrics(whole.output));
});

test("pipelined, a rollback forgets what the weights before it sampled", async () => {
  const back = new TapPlugin(({ hooks }) => hooks.stepped.tapPromise("TapPlugin", ({ step }) => Promise.resolve(step === 6 ? { rollBack: "try again" } : undefined)));
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), back], ...settings(pipelined) });
  await train(run);
  expect(column(run.output, "rollout/staleness")).toEqual([0, 1, 1, 1, 0, 1, 0, 1, 0]);
});

test("what is measured between steps goes with their metrics, changes nothing else, and repeats after a resume", async () => {
  const [plain, measuring, cut] = [options(settings({ steps: 6, checkpointEvery: 2 })), options(settings({ steps: 6, checkpointEvery: 2 })), options(settings({ steps: 6, checkpointEvery: 2 }))];
  const evaluationOf = ({ policy }: Options): EvaluationInLoop => ({
    every: 2,
    measure: async ({ step }) => {
      const samples = await evaluate({ policy, rows: [await letterRows.row(0)], scorers: [], samplesPerPrompt: 4, sampling: { temperature: 1, maxNewTokens: 3 } });
      return { "evaluation/step": step, "evaluation/tokens": samples.reduce((sum, { response }) => sum + response.tokens.reduce((a, b) => a + b, 0), 0) };
    },
  });
  await train(plain);
  await train({ ...measuring, evaluation: evaluationOf(measuring) });
  const without = readMetrics(measuring.output).map((metrics) => Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.startsWith("evaluation/"))));
  expect(without).toEqual(readMetrics(plain.output));
  expect(column(measuring.output, "evaluation/step")).toEqual([undefined, 2, undefined, 4, undefined, 6]);
  const dies = new TapPlugin(({ hooks }) => void hooks.groups.tapPromise("TapPlugin", (selection, { step }) => (step === 5 ? Promise.reject(new Error("cut")) : Promise.resolve(selection))));
  await expect(train({ ...cut, plugins: [...cut.plugins, dies], evaluation: evaluationOf(cut) })).rejects.toThrow("Step 5 failed");
  const resumed = { ...cut, plugins: [...cut.plugins, new TapPlugin(() => undefined)], policy: tabularPolicy() };
  await train({ ...resumed, evaluation: evaluationOf(resumed), resume: true });
  expect(readMetrics(cut.output)).toEqual(readMetrics(measuring.output));
});

test("pipelined, a step that is measured has the sampler for itself", async () => {
  const run = options(settings({ ...pipelined, steps: 6, checkpointEvery: 0 }));
  await train({ ...run, evaluation: { every: 3, measure: () => Promise.resolve({}) } });
  expect(column(run.output, "rollout/staleness")).toEqual([0, 1, 1, 0, 1, 1]);
});
