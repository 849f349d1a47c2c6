import { expect, test } from "vitest";
import { createRandom } from "@papo/core";
import { majorityAtK, meanEstimate, pairedDifference, passAtK } from "../../../recipes/evaluation/statistics.ts";

/** Every subset of size k. */
function* subsets<T>(items: readonly T[], k: number, from = 0): Generator<T[]> {
  if (k === 0) yield [];
  else for (let index = from; index <= items.length - k; index++) for (const rest of subsets(items, k - 1, index + 1)) yield [items[index]!, ...rest];
}

test.each([[1, 0, 1], [5, 2, 3], [8, 1, 4], [8, 8, 8], [9, 0, 5], [10, 7, 2]])("pass@k of n = %i, c = %i, k = %i is the share of subsets with a right one", (n, c, k) => {
  const all = [...subsets(Array.from({ length: n }, (_, index) => index < c), k)];
  expect(passAtK(n, c, k)).toBeCloseTo(all.filter((chosen) => chosen.includes(true)).length / all.length, 12);
});

test("pass@k refuses what is no number of samples", () => {
  expect(() => passAtK(4, 1, 5)).toThrow("pass@5 of 1 right ones among 4");
  expect(() => passAtK(4, 5, 1)).toThrow(RangeError);
});

const votes = (...answers: readonly (string | null)[]) => answers.map((answer) => ({ answer, right: answer === "r" }));

test("maj@k is the commonest answer's; ties count in part, none given never wins", () => {
  const random = createRandom(1);
  expect(majorityAtK(votes("r", "a", "r", "b"), 4, random)).toBe(1);
  expect(majorityAtK(votes("r", "a", "a", "r"), 4, random)).toBe(0.5);
  expect(majorityAtK(votes(null, null, null, "r"), 4, random)).toBe(1);
  expect(majorityAtK(votes(null, null), 2, random)).toBe(0);
  // With too many subsets to look at all, it is near the share over all of them.
  const given = votes(...Array.from({ length: 15 }, (_, index) => (index % 3 === 0 ? "r" : index % 3 === 1 ? "a" : null)));
  const all = [...subsets(given, 5)].map((chosen) => majorityAtK(chosen, 5, random));
  const exact = all.reduce((sum, value) => sum + value, 0) / all.length;
  expect(all).toHaveLength(3003);
  expect(Math.abs(majorityAtK(given, 5, random) - exact)).toBeLessThan(4 * Math.sqrt(0.25 / 1000));
});

test("the 95 % interval covers the true mean in 93 to 97 of 100 simulated evaluations", () => {
  const random = createRandom(11);
  const runs = 600;
  let covered = 0;
  for (let run = 0; run < runs; run++) {
    const own = random.key(run);
    // 120 questions, each with a chance of its own and 4 samples; the mean chance is 0.5.
    const values = Array.from({ length: 120 }, (_, question) => {
      const chance = own.key("chance").uniform(question);
      return [0, 1, 2, 3].filter((sample) => own.key("sample", question).uniform(sample) < chance).length / 4;
    });
    const { low, high } = meanEstimate(values, own.key("interval"));
    if (low <= 0.5 && 0.5 <= high) covered++;
  }
  expect(covered / runs).toBeGreaterThanOrEqual(0.93);
  expect(covered / runs).toBeLessThanOrEqual(0.97);
}, 120_000);

test("a paired difference is surer than two intervals, and nothing is found where there is nothing", () => {
  const random = createRandom(2);
  const base = Array.from({ length: 200 }, (_, index) => random.key("base").uniform(index));
  const better = base.map((value, index) => value + 0.02 + 0.05 * (random.key("noise").uniform(index) - 0.5));
  const found = pairedDifference(better, base, random);
  expect(found.value).toBeCloseTo(0.02, 2);
  expect(found.low).toBeGreaterThan(0);
  expect(found.p).toBeLessThan(0.01);
  const noise = pairedDifference(base.map((value, index) => value + 0.05 * (random.key("other").uniform(index) - 0.5)), base, random);
  expect(noise.p).toBeGreaterThan(0.05);
  expect(() => pairedDifference([1], [1, 2], random)).toThrow("paired values need the same questions: 1 and 2");
});
