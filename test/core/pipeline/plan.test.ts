import { expect, test } from "vitest";
import { createHost, parseSettings } from "@papo/core";
import { EntropyPenaltyPlugin } from "@papo/plugins";
import { grpo, papo } from "@papo/recipes";
import { checkCapabilities, planLines } from "../../../core/pipeline/plan.ts";

const settings = parseSettings({ promptsPerStep: 16, samplesPerPrompt: 8, promptsPerMinibatch: 8 });
const capabilities = { outputs: ["logProbs"], attention: false, parameters: 1_000_000, trained: 500_000 } as const;

test("the plan says what the learner holds and how often a step's responses go through it", () => {
  const official = createHost(papo(grpo({ referenceKl: 0.01 })), { seed: 1 });
  official.beginStep({ step: 1, steps: 10 });
  expect(planLines(official.scores(), settings, capabilities)).toEqual([
    "learner: 1,000,000 parameters, 500,000 of them trained; memory: weights 4.0 MB, reference 4.0 MB, gradient and moments 6.0 MB",
    // Reference and masked once, old by the sampler; the original again for the second minibatch. One backward pass.
    "cost of a step: 128 responses sampled, scored 2.5 times, learned from 1 time, in 2 updates",
  ]);
  const paper = createHost(papo(grpo({ referenceKl: 0 }), { mode: "paper" }), { seed: 1 });
  paper.beginStep({ step: 1, steps: 10 });
  expect(planLines(paper.scores(), settings, capabilities)[1]).toContain("scored 1.5 times, learned from 2 times, in 2 updates");
});

test("a learner that cannot give an output is refused before the run, naming who asks", () => {
  const host = createHost([...grpo(), new EntropyPenaltyPlugin({ estimate: "full" })], { seed: 1 });
  expect(() => {
    checkCapabilities(host.scores(), [], capabilities);
  }).toThrow(/EntropyPenaltyPlugin needs the output "entropy" .* this learner gives logProbs only/);
  expect(() => {
    checkCapabilities(host.scores(), [], { ...capabilities, outputs: ["logProbs", "entropy"] });
  }).not.toThrow();
});
