import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { BanditPlugin, ScorerPlugin, TapPlugin } from "../support/bandit.ts";
import { removeFolders, trainSmall, weightsOf } from "./support.ts";

afterAll(removeFolders);

const stepsThere = (output: string, upTo: number): number[] =>
  Array.from({ length: upTo + 1 }, (_, step) => step).filter((step) => existsSync(weightsOf(output, step)));

const everyStep = { steps: 8, checkpointEvery: 1 };

test("a learning rate that makes the weights infinite is told at once, and the weights before are kept", async () => {
  const { error, output, metrics } = await trainSmall({ settings: { ...everyStep, learningRate: 1e39 } });
  expect(error).toMatch(
    /^Step 1 failed: the update made ".*" -?(Infinity|NaN) at \d+: lower the learning rate \(it was 1e\+39\)\n/,
  );
  expect(error).toMatch(
    /The weights of step 0 are sound and safe in .*step-0\/policy\/model\. To resume would meet the same again: start a new run .* below 1e\+39/,
  );
  expect(stepsThere(output, 8)).toEqual([0]);
  expect(metrics).toEqual([]);
});

test("a learning rate that makes the log-probs NaN is told in the step after, and the way back leads to sound weights", async () => {
  const { error, output, metrics } = await trainSmall({ settings: { ...everyStep, learningRate: 1e30 } });
  expect(error).toMatch(/^Step 2 failed: .*(is NaN|gave NaN|gave -?Infinity).*(diverged|learning rate)/);
  expect(error).toMatch(/The weights of step 0 are sound and safe in .*step-0\/policy\/model/);
  expect(metrics).toHaveLength(1);
  // They are a model to start from.
  const again = await trainSmall({ model: join(output, "checkpoints/step-0/policy/model"), settings: { steps: 1 } });
  expect(again.error).toBeNull();
});

test("weights that diverged are not saved as a rescue", async () => {
  const { error, output } = await trainSmall({ settings: { ...everyStep, checkpointEvery: 5, learningRate: 1e30 } });
  expect(error).toMatch(/The weights of step 0 are sound/);
  expect(stepsThere(output, 8)).toEqual([0]);
});

test("an update whose gradient is not finite is left out, told and counted", async () => {
  // Its terms are just finite: ±3e38 for two tokens.
  const explodes = new TapPlugin(({ hooks }) => {
    hooks.advantages.tap("TapPlugin", (advantages) => advantages.mul(2).mul(3e38));
  });
  const opposite = new ScorerPlugin({ name: "opposite", score: ({ response }) => response.index });
  const settings = { steps: 1, promptsPerStep: 1, sampling: { maxNewTokens: 1 } };
  const { error, alarms, metrics } = await trainSmall({ plugins: [opposite, new BanditPlugin(), explodes], settings });
  expect(error).toBeNull();
  expect(metrics[0]).toMatchObject({ "learner/skipped_updates": 1 });
  expect(alarms).toEqual([
    expect.stringMatching(/^run: an update was left out, since the norm of its gradient is (NaN|Infinity)/),
  ]);
});
