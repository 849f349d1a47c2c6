/**
 * Numbers that a fault plugin or a faulty sampler makes in one step: each is told, and the run goes on from where it
 * was.
 */
import "@papo/core/testing";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exp, fill, mul } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { train, type Plugin, type Run } from "@papo/core";
import type { RolloutEngine } from "../../core/rollout/engine.ts";
import { grpo } from "@papo/recipes";
import { banditSettings, letterRows, ScorerPlugin, temporaryFolder } from "../support/bandit.ts";
import { tabularPolicy } from "../support/tabular-policy.ts";

const steps = 4;
const faultyStep = 2;
const settings = { ...banditSettings, steps, checkpointEvery: 1, promptsPerStep: 2 };

/** Does something wrong, in one step. */
class FaultPlugin implements Plugin {
  readonly name = "FaultPlugin";
  readonly #fault: (run: Run, now: () => boolean) => void;

  constructor(fault: (run: Run, now: () => boolean) => void = () => undefined) {
    this.#fault = fault;
  }

  apply(run: Run): void {
    let step = 0;
    run.hooks.prompts.tapPromise(this.name, async (rows, context) => ((step = context.step), rows));
    this.#fault(run, () => step === faultyStep);
  }
}

interface Options {
  readonly policy?: ReturnType<typeof tabularPolicy>;
  readonly score?: () => number;
  readonly resume?: boolean;
}

async function run(
  output: string,
  plugin: FaultPlugin,
  { policy = tabularPolicy(), score, resume = false }: Options = {},
) {
  const alarms: string[] = [];
  const plugins = [new ScorerPlugin(score === undefined ? {} : { score }), ...grpo({ referenceKl: 0 }), plugin];
  const ended = train({
    policy,
    plugins,
    dataset: letterRows,
    settings,
    output,
    resume,
    onEvents: (events) => events.on("alarm", (alarm) => alarms.push(`${alarm.plugin}: ${alarm.message}`)),
  });
  const error = await ended.then(
    () => null,
    (thrown: unknown) => (thrown as Error).message,
  );
  return { error, alarms };
}

const folder = temporaryFolder();
const whole = join(folder, "whole");
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(async () => expect(await run(whole, new FaultPlugin())).toEqual({ error: null, alarms: [] }));

const read = (output: string, name: string): string => readFileSync(join(output, name), "utf8");
const weights = (output: string): string => read(output, `checkpoints/step-${steps}/policy/weights.json`);

/** The run, begun with a fault, ends as one without when it is gone on with. */
async function expectNothingLost(output: string): Promise<void> {
  expect(await run(output, new FaultPlugin(), { resume: true })).toEqual({ error: null, alarms: [] });
  for (const name of ["metrics.jsonl", `rewards/step-${steps}.jsonl`])
    expect(read(output, name)).toBe(read(whole, name));
  expect(weights(output)).toBe(weights(whole));
}

const nanLoss = (run: Run, now: () => boolean): void => {
  run.hooks.terms.tap("FaultPlugin", (terms, { logProbs }) =>
    now() ? [...terms, { name: "nan", value: fill(logProbs.shape, NaN), reduction: "token_mean" as const }] : terms,
  );
};
const exploding = (run: Run, now: () => boolean): void => {
  run.hooks.terms.tap("FaultPlugin", (terms, { logProbs }) =>
    now() ? [...terms, { name: "ratio", value: exp(mul(logProbs, -200)), reduction: "token_mean" as const }] : terms,
  );
};

test.each([
  ["a NaN loss", nanLoss],
  ["exploding ratios", exploding],
] as const)("%s stops the step, naming the plugin, and nothing is lost", async (what, fault) => {
  const output = join(folder, what.replaceAll(" ", "-"));
  const { error } = await run(output, new FaultPlugin(fault));
  expect(error).toMatch(/^Step 2 failed: FaultPlugin/);
  expect(error).toMatch(/step 1 is safe/);
  await expectNothingLost(output);
});

test("a sampler that is far from the learner is refused before anything is trained", async () => {
  const { error } = await run(join(folder, "sampler"), new FaultPlugin(), {
    policy: tabularPolicy({ samplerError: -200 }),
  });
  expect(error).toMatch(
    /^Sampler and learner disagree by up to 2\.00e\+2 nats .* Largest: row "\w".* Nothing was trained\.$/s,
  );
});

test("groups without variance change no weight, and are told", async () => {
  const output = join(folder, "constant");
  const { error, alarms } = await run(output, new FaultPlugin(), { score: () => 1 });
  expect(error).toBeNull();
  expect(alarms).toEqual([expect.stringMatching(/^run: all advantages were 0 in 3 steps running, up to step 3/)]);
  const { token } = (JSON.parse(weights(output)) as { weights: { token: { data: number[] } } }).weights;
  expect(token.data.every((value) => value === 0)).toBe(true);
});

test("a step whose rows are all masked is told, with the plugin that masks them", async () => {
  const masks = new FaultPlugin(({ hooks }, now) =>
    hooks.weights.tap("FaultPlugin", (ones) => (now() ? mul(ones, 0) : ones)),
  );
  const { error, alarms } = await run(join(folder, "masked"), masks);
  expect(error).toBeNull();
  expect(alarms).toEqual([
    expect.stringMatching(/^run: a step has advantages and all its gradients are 0.*: FaultPlugin$/),
  ]);
});

test("responses without a token are told with their row, and the weights stay finite", async () => {
  const output = join(folder, "empty");
  const policy = tabularPolicy();
  const nothing = { tokens: new Int32Array(0), logProbs: new Float32Array(0), behaviourLogProbs: new Float32Array(0) };
  const generate: RolloutEngine["generate"] = (requests, sampling, onResponse) =>
    policy.rollout.generate(requests, sampling, (response) =>
      onResponse(response.index % 2 === 0 ? { ...response, ...nothing } : response),
    );
  const { error, alarms } = await run(output, new FaultPlugin(), { policy: { ...policy, rollout: { generate } } });
  expect(error).toBeNull();
  expect(alarms).toEqual([expect.stringMatching(/^run: response \d to row "\w" of step 1 has no token/)]);
  expect(weights(output)).not.toMatch(/null|NaN|Infinity/);
});
