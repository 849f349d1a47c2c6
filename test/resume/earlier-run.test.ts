/**
 * A run of version 0.1.0 before adapters, kinds of checkpoints, limits of pixels and of time: its record, and the same
 * run now.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FunctionRewardPlugin } from "@papo/plugins";
import { grpo, papo } from "@papo/recipes";
import type { Checkpoint, RunDescription } from "../../core/checkpoint/checkpoint.ts";
import { assertSameRun, describeRun } from "../../core/checkpoint/same-run.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import { parseSettings, type RunSettingsInput } from "../../core/contracts/settings.ts";

const record = JSON.parse(readFileSync(new URL("earlier-run.json", import.meta.url), "utf8")) as RunDescription;
const checkpoint: Checkpoint = {
  folder: "checkpoints/step-2",
  state: { step: 2, position: { epoch: 0, index: 4 }, skippedRows: 0, plugins: {}, coefficients: {} },
  description: record,
};
const settings: RunSettingsInput = {
  steps: 3,
  promptsPerStep: 2,
  samplesPerPrompt: 2,
  learningRate: 1e-4,
  checkpointEvery: 1,
  sampling: { maxNewTokens: 8 },
};
class RunLogPlugin implements Plugin {
  readonly name = "RunLogPlugin";

  apply(): void {
    // A log's options are no part of a run.
  }
}
const resume = (changes: RunSettingsInput, recipe = papo(grpo())): void => {
  const plugins = [...recipe, new FunctionRewardPlugin({ name: "reward", score: () => 1 }), new RunLogPlugin()];
  assertSameRun(checkpoint, describeRun(parseSettings({ ...settings, ...changes }), plugins, record.dataset), plugins);
};

test("a run from before settings and options were added goes on", () => {
  expect(() => resume({})).not.toThrow();
});

test("it does not with other ones", () => {
  expect(() => resume({ pictures: { maxPixels: 9000 } })).toThrow("settings.pictures.maxPixels: null → 9000");
  expect(() => resume({}, papo(grpo(), { maskRatio: 0.5 }))).toThrow("RandomMaskPlugin.ratio: 0.6 → 0.5");
});
