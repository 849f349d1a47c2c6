import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { train } from "../../../../core/pipeline/run.ts";
import { BanditPlugin, ScorerPlugin, TapPlugin } from "../../../support/bandit.ts";
import { options, readMetrics, settings } from "./bandit-run.ts";

test("a step that fails says how to go on, and what was done before is saved", async () => {
  const breaks = new TapPlugin(({ hooks }) => {
    hooks.prompts.tapPromise("TapPlugin", async (rows, { step }) => {
      if (step === 7) throw new Error("out of luck");
      return rows;
    });
  });
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), breaks] });
  await expect(train(run)).rejects.toThrow(
    /Step 7 failed: TapPlugin failed in hook "prompts": out of luck\n.*up to step 6 is safe in .*step-6; resume: true/,
  );
  const sound = new TapPlugin(() => undefined);
  const resumed = options({
    output: run.output,
    plugins: [new ScorerPlugin(), new BanditPlugin(), sound],
    resume: true,
  });
  expect(await train(resumed)).toMatchObject({
    steps: 12,
    ended: "finished",
    resumedFrom: join(run.output, "checkpoints", "step-6"),
  });
  const whole = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), sound] });
  await train(whole);
  expect(readFileSync(join(run.output, "metrics.jsonl"), "utf8")).toBe(
    readFileSync(join(whole.output, "metrics.jsonl"), "utf8"),
  );
});

test("a step that fails after an update leaves the last checkpoint", async () => {
  let updates = 0;
  const breaks = new TapPlugin(({ hooks }) => {
    hooks.terms.tap("TapPlugin", (terms) => {
      if (++updates === 12) throw new Error("out of luck");
      return terms;
    });
  });
  const run = options({
    plugins: [new ScorerPlugin(), new BanditPlugin(), breaks],
    ...settings({ promptsPerMinibatch: 2 }),
  });
  await expect(train(run)).rejects.toThrow(/Step 6 failed: .*out of luck\n.*up to step 4 is safe/);
  expect(existsSync(join(run.output, "checkpoints", "step-5"))).toBe(false);
});

test("the signal ends the run after its step, with a checkpoint to go on from", async () => {
  const abort = new AbortController();
  const run = options({
    signal: abort.signal,
    onEvents: (events) => events.on("step", ({ step }) => step === 6 && abort.abort()),
  });
  expect(await train(run)).toMatchObject({
    steps: 6,
    ended: "interrupted",
    checkpoint: join(run.output, "checkpoints", "step-6"),
  });
  const resumed = options({ output: run.output, resume: true });
  await train(resumed);
  const whole = options();
  await train(whole);
  expect(resumed.policy.learner.weights).toEqual(whole.policy.learner.weights);
});

test("a plugin rolls back to the last checkpoint's weights, and the run goes on with fresh prompts", async () => {
  const alarms: string[] = [];
  const rolls = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) => (step === 6 ? { rollBack: "it went wrong" } : undefined));
  });
  const run = options({
    plugins: [new ScorerPlugin(), new BanditPlugin(), rolls],
    ...settings({ steps: 7 }),
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
    "files.json",
    "policy",
    "policy/optimizer.json",
    "policy/weights.json",
    "rewards",
    "rewards/step-10.jsonl",
    "rewards/step-11.jsonl",
    "rewards/step-12.jsonl",
    "rewards/step-9.jsonl",
    "state.json",
  ]);
});

test("a plugin rolls back to the newest checkpoint that is not after a step", async () => {
  const plugin = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) =>
      step === 7 ? { rollBack: "it went wrong", before: 5 } : undefined,
    );
  });
  const messages: string[] = [];
  const run = options({
    plugins: [new ScorerPlugin(), new BanditPlugin(), plugin],
    ...settings({ checkpointEvery: 2, keepCheckpoints: 3 }),
    onEvents: (events) => events.on("alarm", ({ message }) => messages.push(message)),
  });
  await train(run);
  expect(messages).toEqual(["rolled back to the weights of step 4: it went wrong"]);
});
