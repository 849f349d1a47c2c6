import { expect, test } from "vitest";
import type { Row } from "../../../core/contracts/step/row.ts";
import { evaluate } from "../../../core/pipeline/evaluate.ts";
import { train } from "../../../core/pipeline/run.ts";
import { BanditPlugin, banditSettings, letterRows, ScorerPlugin, temporaryFolder } from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

const rows: Row[] = [];
for (let index = 0; index < letterRows.size; index++) rows.push(await letterRows.row(index));
const { scorer } = new ScorerPlugin();
const sampling = { maxNewTokens: 4 };

test("greedy answers come in the order of the rows, whatever the chunks, and change no weight", async () => {
  const policy = tabularPolicy();
  await train({
    policy,
    plugins: [new ScorerPlugin(), new BanditPlugin()],
    dataset: letterRows,
    output: temporaryFolder(),
    settings: { ...banditSettings, steps: 40, checkpointEvery: 0 },
  });
  const { version } = policy.learner;
  const progress: number[] = [];
  const samples = await evaluate({
    policy,
    rows,
    scorers: [scorer],
    sampling,
    promptsPerChunk: 4,
    onProgress: (done) => progress.push(done),
  });
  expect(samples.map(({ prompt }) => prompt.key)).toEqual(rows.map(({ id }) => id));
  expect(samples.filter(({ reward }) => reward === 1).length).toBeGreaterThanOrEqual(5);
  expect(progress).toEqual([4, 6]);
  expect(policy.learner.version).toBe(version);
  const whole = await evaluate({ policy, rows, scorers: [scorer], sampling });
  expect(whole.map(({ response }) => response.text)).toEqual(samples.map(({ response }) => response.text));
});

test("samples at a temperature follow from the seed", async () => {
  const texts = async (seed: number) => {
    const samples = await evaluate({
      policy: tabularPolicy(),
      rows,
      scorers: [scorer],
      sampling: { ...sampling, temperature: 1 },
      samplesPerPrompt: 3,
      seed,
    });
    expect(samples).toHaveLength(18);
    return samples.map(({ response }) => response.text);
  };
  expect(await texts(1)).toEqual(await texts(1));
  expect(await texts(1)).not.toEqual(await texts(2));
});

test("a view to sample from that is not made is an error", async () => {
  await expect(evaluate({ policy: tabularPolicy(), rows, scorers: [], sampleView: "swapped" })).rejects.toThrow(
    'There is no view "swapped" to sample from; there are original',
  );
});
