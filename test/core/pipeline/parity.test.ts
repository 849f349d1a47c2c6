import { expect, test } from "vitest";
import { createRandom } from "../../../core/math/random.ts";
import { checkParity } from "../../../core/pipeline/parity.ts";
import type { Policy } from "../../../core/contracts/policy.ts";
import { makePrompt } from "../../../core/prompts/prompts.ts";
import { parseSettings } from "../../../core/contracts/settings.ts";
import { tabularPolicy, tabularProcessor } from "../../support/tabular-policy.ts";

const settings = parseSettings({ sampling: { maxNewTokens: 6 } });
const row = { id: "r", prompt: "ab", system: null, images: [], answer: "", fields: {} };
const prompt = await makePrompt(row, "r", 0, {
  processor: tabularProcessor,
  views: [],
  random: createRandom(1),
  maxPromptTokens: 9,
});

/** A sampler whose log-probs are off at some tokens. */
function off(policy: Policy, error: (token: number) => number): Policy {
  const rollout: Policy["rollout"] = {
    generate: (requests, sampling, onResponse) =>
      policy.rollout.generate(requests, sampling, (response) =>
        onResponse({ ...response, logProbs: response.logProbs.map((value, token) => value + error(token)) }),
      ),
  };
  return { ...policy, rollout };
}

const check = (error: (token: number) => number) =>
  checkParity(off(tabularPolicy(), error), [prompt], createRandom(1), settings);

test("sampler and learner that agree pass, with the difference", async () => {
  expect((await check(() => 0)).max).toBeLessThan(1e-6);
  expect((await check(() => 1e-5)).max).toBeCloseTo(1e-5, 6);
});

test("where they part tells what to look at", async () => {
  await expect(check(() => 0.1)).rejects.toThrow(
    /up to 1\.00e-1 nats .*The first token already differs in 2 of 2 responses: look at the prompt/,
  );
  await expect(check((token) => token * 0.01)).rejects.toThrow(
    /The first tokens all agree: look at what later tokens depend on/,
  );
});

test("a log-prob that is no number never passes", async () => {
  await expect(check((token) => (token === 0 ? NaN : 0))).rejects.toThrow(/disagree by up to Infinity/);
});
