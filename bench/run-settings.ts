/** Settings of a measured run: one minibatch a step, every response as long as it may be. */
import type { RunSettingsInput } from "@papo/core";
import type { Workload } from "./workloads.ts";

export const defineRunSettings = ({ prompts, responses, tokens }: Workload): RunSettingsInput => ({
  steps: 1000,
  promptsPerStep: prompts,
  samplesPerPrompt: responses,
  sampling: { maxNewTokens: tokens },
  learningRate: 1e-6,
  checkpointEvery: 0,
});
