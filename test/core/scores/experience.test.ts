import { expect, test } from "vitest";
import { createRandom } from "../../../core/math/random.ts";
import { makeSample } from "../../../core/testing.ts";
import type { Learner, LearnerBatch, Output } from "../../../core/learner/learner.ts";
import { compareLogProbs, scoreSamples, takeRows } from "../../../core/scores/experience.ts";
import { Stopwatch } from "../../../core/scores/stopwatch.ts";
import { TabularPolicy } from "../../support/tabular-policy.ts";

const withLogProbs = (...logProbs: number[]) => {
  const sample = makeSample({ prompt: "row", index: 0, length: logProbs.length, reward: 0 });
  return { ...sample, response: { ...sample.response, logProbs: Float32Array.from(logProbs) } };
};

test("rows are taken with their padding cut", () => {
  const array = Float32Array.of(1, 2, 3, 4, 0, 0, 5, 6, 0);
  expect([...takeRows(array, 3, [2, 1], 2)]).toEqual([5, 6, 4, 0]);
});

test("parity is over real tokens, and names the worst", () => {
  const samples = [withLogProbs(-1, -2, -3), withLogProbs(-1)];
  const parity = compareLogProbs(samples, Float32Array.of(-1, -2.5, -3, -1.25, 99, 99));
  expect(parity).toEqual({ max: 0.5, mean: 0.75 / 4, worst: { sample: 0, token: 1 } });
});

test("a log-prob that is no number is the largest difference there is", () => {
  expect(compareLogProbs([withLogProbs(-1, NaN)], Float32Array.of(-1, -1))).toMatchObject({
    max: Infinity,
    worst: { sample: 0, token: 1 },
  });
});

test("a learner that gives too little, or numbers that are none, is an error that names the score", async () => {
  const answering = (logProbs: Float32Array | undefined): Learner =>
    Object.assign(new TabularPolicy(), { score: async () => (logProbs === undefined ? {} : { logProbs }) });
  const target = { key: "original/old/logProbs", view: "original", weights: "old", output: "logProbs" } as const;
  const score = (logProbs: Float32Array | undefined) =>
    scoreSamples(answering(logProbs), [withLogProbs(-1, -2)], [target], 1);
  await expect(score(undefined)).rejects.toThrow("asked for logProbs (original/old/logProbs) and did not give it");
  await expect(score(new Float32Array(3))).rejects.toThrow("gave 3 numbers for original/old/logProbs, the batch has 2");
  await expect(score(Float32Array.of(-1, NaN))).rejects.toThrow(
    /gave NaN for original\/old\/logProbs: the weights may have diverged/,
  );
});

test("a share scores as many responses of each prompt, other ones under another key, and leaves NaN for the rest", async () => {
  const policy = new TabularPolicy();
  const samples = ["a", "b"].flatMap((prompt) =>
    Array.from({ length: 4 }, (_, index) => {
      const sample = makeSample({ prompt, index, length: 1 + index, reward: 0 });
      return {
        ...sample,
        views: new Map([["original", { ids: Int32Array.of(prompt === "a" ? 0 : 1), pictures: [] }]]),
      };
    }),
  );
  const target = { key: "original/old/logProbs", view: "original", weights: "old", output: "logProbs" } as const;
  const whole = (await scoreSamples(policy, samples, [target], 1)).get(target.key)!;
  const drawn = new Set<string>();
  for (let step = 0; step < 6; step++) {
    const some = (
      await scoreSamples(policy, samples, [{ ...target, share: 0.5 }], 1, { random: createRandom(1).key(step) })
    ).get(target.key)!;
    const rows = samples.map((_, row) => !Number.isNaN(some[4 * row]));
    expect([rows.slice(0, 4), rows.slice(4)].map((own) => own.filter(Boolean).length)).toEqual([2, 2]);
    some.forEach((value, at) => expect(value).toBe(rows[Math.floor(at / 4)] ? whole[at] : NaN));
    drawn.add(rows.join());
  }
  expect(drawn.size).toBeGreaterThan(2);
});

test("views that want the same of the same weights go through the learner together, and pay half each", async () => {
  const policy = new TabularPolicy();
  const calls: { readonly prompts: number; readonly rows: number }[] = [];
  const counted: Learner = Object.assign(Object.create(policy) as TabularPolicy, {
    score: (batch: LearnerBatch, outputs: readonly Output[]) => {
      calls.push({ prompts: batch.prompts.length, rows: batch.rows.length });
      return policy.score(batch, outputs);
    },
  });
  const original = { ids: Int32Array.of(0), pictures: [] };
  const samples = [2, 4, 1].map((length, index) => ({
    ...makeSample({ prompt: "a", index, length, reward: 0 }),
    views: new Map([
      ["original", original],
      ["masked", { ids: Int32Array.of(1), pictures: [] }],
    ]),
  }));
  const of = (view: string, output: "logProbs" | "entropy" = "logProbs", plugins?: string[]) => ({
    key: `${view}/current/${output}`,
    view,
    weights: "current",
    output,
    ...(plugins ? { plugins } : {}),
  });
  const watch = new Stopwatch();
  const both = await scoreSamples(counted, samples, [of("original"), of("masked", "logProbs", ["A", "B"])], 1, {
    watch,
  });
  expect(calls).toEqual([{ prompts: 1 + samples.length, rows: 6 }]);
  for (const view of ["original", "masked"]) {
    const alone = await scoreSamples(policy, samples, [of(view)], 1);
    expect(both.get(`${view}/current/logProbs`)).toEqual(alone.get(`${view}/current/logProbs`));
  }
  const { A, B, ...others } = watch.charges;
  expect([A! > 0, A, others]).toEqual([true, B, {}]);
  calls.length = 0;
  await scoreSamples(counted, samples, [of("original"), of("original", "entropy"), of("masked")], 1);
  expect(calls.length).toBe(2);
});
