/** Supervised training before reinforcement, of a kind of question that the shipped model has never seen: a minute. */
import type { RunSettingsInput } from "@papo/core";

export const firstStage: RunSettingsInput = {
  steps: 40,
  promptsPerStep: 64,
  learningRate: 6e-4,
  warmupSteps: 10,
  decay: "cosine",
  finalFraction: 0.02,
  optimizer: { matrices: "muon", beta2: 0.98 },
};
