import { expect, test } from "vitest";
import type { LearnerBatch, Outputs } from "../../core/learner/learner.ts";
import { TabularPolicy, tabularPolicy } from "./tabular-policy.ts";

const picture = { hash: "half", grid: [1, 1, 1] as const, pixels: Float32Array.of(0.5) };
const batch: LearnerBatch = {
  prompts: [
    { ids: Int32Array.of(0, 3), pictures: [] },
    { ids: Int32Array.of(2, 6), pictures: [picture] },
  ],
  rows: [
    { prompt: 0, tokens: Int32Array.of(1, 1, 7) },
    { prompt: 1, tokens: Int32Array.of(4) },
  ],
  temperature: 0.8,
};

function seeded(): TabularPolicy {
  const policy = new TabularPolicy();
  for (const { data } of policy.weights.values()) data.forEach((_, index) => (data[index] = Math.sin(index * 1.7)));
  return policy;
}

test("one optimizer step follows the gradient that central differences give", async () => {
  const cotangents: Outputs = {
    logProbs: Float32Array.of(0.3, -1, 0.5, 0.7, 0, 0),
    entropy: Float32Array.of(-0.2, 0.4, 1, 0.1, 0, 0),
  };
  const value = async (policy: TabularPolicy): Promise<number> => {
    const outputs = await policy.score(batch, ["logProbs", "entropy"]);
    const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, index) => sum + x * b[index]!, 0);
    return dot(outputs.logProbs!, cotangents.logProbs!) + dot(outputs.entropy!, cotangents.entropy!);
  };
  const policy = seeded();
  let squares = 0;
  for (const { data } of policy.weights.values()) {
    for (let index = 0; index < data.length; index++) {
      const kept = data[index]!;
      data[index] = kept + 1e-2;
      const above = await value(policy);
      data[index] = kept - 1e-2;
      const below = await value(policy);
      data[index] = kept;
      squares += ((above - below) / 2e-2) ** 2;
    }
  }
  await policy.backward(batch, cotangents);
  const { gradientNorm } = await policy.step({ learningRate: 0 });
  expect(gradientNorm / Math.sqrt(squares)).toBeCloseTo(1, 3);
});

test("a step against the gradient lowers what it is the gradient of", async () => {
  const policy = seeded();
  const before = (await policy.score(batch, ["logProbs"])).logProbs!;
  await policy.backward(batch, { logProbs: Float32Array.of(1, 1, 1, 1, 0, 0) });
  await policy.step({ learningRate: 0.01 });
  const after = (await policy.score(batch, ["logProbs"])).logProbs!;
  for (const index of [0, 1, 2, 3]) expect(after[index]).toBeLessThan(before[index]!);
});

test("the sampler's log-probs are the learner's, and banned tokens do not come up", async () => {
  const { learner, rollout, processor } = tabularPolicy();
  for (const { data } of learner.weights.values()) data.forEach((_, index) => (data[index] = Math.sin(index)));
  const prompt = batch.prompts[1]!;
  const sampling = {
    temperature: 0.8,
    topP: 1,
    topK: 0,
    maxNewTokens: 20,
    stopTokens: processor.stopTokens,
    bannedTokens: processor.bannedTokens,
  };
  const keys = Array.from({ length: 50 }, (_, index) => [index, 7] as const);
  const found: { tokens: Int32Array; logProbs: Float32Array }[] = [];
  await rollout.generate([{ prompt, count: 50, keys }], sampling, (response) => found.push(response));
  expect(found).toHaveLength(50);
  for (const { tokens, logProbs } of found) {
    expect([...tokens]).not.toContain(6);
    const scored = (
      await learner.score({ prompts: [prompt], rows: [{ prompt: 0, tokens }], temperature: 0.8 }, ["logProbs"])
    ).logProbs!;
    scored.forEach((value, index) => expect(Math.abs(value - logProbs[index]!)).toBeLessThan(1e-5));
  }
});
