import { expect, test } from "vitest";
import { createRandom } from "@papo/core";
import { passAtK, shareEstimate } from "../../../../recipes/app/evaluation/statistics.ts";

/** Every subset of size k. */
function* subsets<T>(items: readonly T[], k: number, from = 0): Generator<T[]> {
  if (k === 0) yield [];
  else
    for (let index = from; index <= items.length - k; index++)
      for (const rest of subsets(items, k - 1, index + 1)) yield [items[index]!, ...rest];
}

test.each([
  [1, 0, 1],
  [5, 2, 3],
  [8, 1, 4],
  [8, 8, 8],
  [9, 0, 5],
  [10, 7, 2],
])("pass@k of n = %i, c = %i, k = %i is the share of subsets with a right one", (n, c, k) => {
  const all = [
    ...subsets(
      Array.from({ length: n }, (_, index) => index < c),
      k,
    ),
  ];
  expect(passAtK(n, c, k)).toBeCloseTo(all.filter((chosen) => chosen.includes(true)).length / all.length, 12);
});

test("pass@k refuses what is no number of samples", () => {
  expect(() => passAtK(4, 1, 5)).toThrow("pass@5 of 1 right ones among 4");
  expect(() => passAtK(4, 5, 1)).toThrow(RangeError);
});

test("the interval of a share is Wilson's: where all are right it does not end at all, and equal shares of several answers are not surer than their questions", () => {
  const close = (
    { value, low, high }: { value: number; low: number; high: number },
    ...wanted: readonly number[]
  ): void => {
    for (const [index, number] of [value, low, high].entries()) expect(number).toBeCloseTo(wanted[index]!, 3);
  };
  // Brown, Cai and DasGupta's Wilson interval by hand: (x + z²/2)/(n + z²) ± z/(n + z²)·√(x (n − x)/n + z²/4); single
  // answers lose one question to their own mean.
  close(shareEstimate(Array<number>(10).fill(1)), 1, 0.722, 1);
  close(shareEstimate(Array<number>(10).fill(0)), 0, 0, 0.278);
  close(shareEstimate(Array.from({ length: 1001 }, (_, index) => Number(index < 500.5))), 0.5005, 0.4696, 0.5314);
  close(shareEstimate(Array<number>(10).fill(0.5)), 0.5, 0.2366, 0.7634);
  expect(shareEstimate([]).value).toBeNaN();
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
    const { low, high } = shareEstimate(values);
    if (low <= 0.5 && 0.5 <= high) covered++;
  }
  expect(covered / runs).toBeGreaterThanOrEqual(0.93);
  expect(covered / runs).toBeLessThanOrEqual(0.97);
});
