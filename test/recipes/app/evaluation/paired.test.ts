import { describe, expect, test } from "vitest";
import { createRandom } from "@papo/core";
import { simulated } from "../../../../docs/scripts/measure-intervals.ts";
import { luckOf, pairedDifference } from "../../../../recipes/app/evaluation/paired.ts";

/** Shares of two sides that answered so many questions better, worse and alike. */
const sides = (better: number, worse: number, alike: number): [number[], number[]] => {
  const list = (first: number, second: number, third: number): number[] => [
    ...Array<number>(better).fill(first),
    ...Array<number>(worse).fill(second),
    ...Array<number>(alike).fill(third),
  ];
  return [list(1, 0, 1), list(0, 1, 1)];
};

/** Two-sided p of the exact sign test: better against worse of so many questions that differ. */
function signTest(better: number, worse: number): number {
  const n = better + worse;
  const chance = (count: number): number =>
    Array.from({ length: count }, (_, i) => (n - i) / (count - i)).reduce((product, factor) => product * factor, 1) /
    2 ** n;
  const tail = Array.from({ length: Math.min(better, worse) + 1 }, (_, count) => chance(count)).reduce(
    (sum, one) => sum + one,
    0,
  );
  return Math.min(1, 2 * tail);
}

test("of few questions p is that of the exact sign test where each is right or wrong", () => {
  for (const [better, worse] of [
    [6, 0],
    [7, 1],
    [5, 5],
    [9, 2],
    [0, 8],
  ] as const) {
    expect(pairedDifference(...sides(better, worse, 1)).p, `${better} against ${worse}`).toBeCloseTo(
      signTest(better, worse),
      12,
    );
  }
  // Of more it is drawn: 10,000 arrangements.
  expect(Math.abs(pairedDifference(...sides(20, 8, 72)).p - signTest(20, 8))).toBeLessThan(4 * Math.sqrt(0.036 / 9999));
});

test("the interval leaves out 0 exactly where p is at most 0.05", () => {
  const random = createRandom(5);
  let [out, within] = [0, 0];
  for (let evaluation = 0; evaluation < 60; evaluation++) {
    const own = random.key(evaluation);
    const n = 4 + Math.floor(own.uniform(0) * 24);
    const a = Array.from({ length: n }, (_, index) => Math.floor(own.uniform(1 + index) * 3) / 2);
    const b = Array.from(
      { length: n },
      (_, index) => Math.floor(own.key("b").uniform(index) * (evaluation % 2 === 0 ? 3 : 2)) / 2,
    );
    const { value, low, high, p } = pairedDifference(a, b);
    expect(low <= 0 && 0 <= high, JSON.stringify({ a, b, low, high, p })).toBe(p > 0.05);
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
    if (p > 0.05) within++;
    else out++;
  }
  expect(Math.min(out, within)).toBeGreaterThan(5);
});

test("25 points of 24 questions, seven better and one worse, may be nothing: interval and p say so both", () => {
  const { value, low, high, p } = pairedDifference(...sides(7, 1, 16));
  expect(value).toBe(0.25);
  expect(p).toBeGreaterThan(0.05);
  expect(low).toBe(0);
  expect(high).toBeGreaterThan(0.4);
});

test("what is the same everywhere is no difference, and five questions bound nothing", () => {
  expect(pairedDifference([1, 0.5, 0, 1, 1, 0, 1], [1, 0.5, 0, 1, 1, 0, 1])).toEqual({
    value: 0,
    low: 0,
    high: 0,
    p: 1,
  });
  expect(pairedDifference([1, 1, 1, 1, 1], [0, 0, 0, 0, 0])).toEqual({ value: 1, low: -1, high: 1, p: 0.0625 });
  expect(pairedDifference([1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0])).toEqual({ value: 1, low: 1, high: 1, p: 0.03125 });
  expect(() => pairedDifference([1], [1, 2])).toThrow("paired values need the same questions: 1 and 2");
});

test("the same answers give the same numbers, and exchanged sides the negative ones", () => {
  const [a, b] = sides(30, 12, 100);
  const [first, again, turned] = [pairedDifference(a, b), pairedDifference(a, b), pairedDifference(b, a)];
  expect(again).toEqual(first);
  expect(turned).toEqual({ value: -first.value, low: -first.high, high: -first.low, p: first.p });
});

describe("luck of seeds", () => {
  test("is the spread of whole runs, over what questions differ by", () => {
    // Two runs, each right where the other is wrong: questions differ, runs do not.
    expect(
      luckOf([
        [1, 0, 1, 0],
        [0, 1, 0, 1],
      ]),
    ).toEqual({ error: 0, degrees: 1 });
    // One run better by 1/2 on every question: seeds' means 0.25 and 0.75, variance of their mean 1/16.
    expect(
      luckOf([
        [0.5, 0, 0.5, 0],
        [1, 0.5, 1, 0.5],
      ]),
    ).toEqual({ error: 0.25, degrees: 1 });
    expect(luckOf([[1, 0]])).toBeNull();
  });

  test("widens the interval", () => {
    const [a, b] = sides(40, 20, 60);
    const [plain, lucky] = [
      pairedDifference(a, b),
      pairedDifference(a, b, undefined, [{ error: 0.05, degrees: 2 }, null]),
    ];
    expect(plain.p).toBeLessThan(0.05);
    expect(lucky.p).toBeGreaterThan(0.05);
    expect(lucky.low).toBeLessThan(plain.low);
  });
});

// docs/scripts/measure-intervals.ts runs the same with more evaluations and more worlds.
describe("simulated evaluations", () => {
  const world = { questions: 12, samples: 1, effect: 0, seeds: 1, luck: 0, middle: 0 };

  test("of nothing: at most 5 of 100 find something, and 95 of 100 intervals hold 0", () => {
    const single = simulated(world, 400, createRandom(3));
    expect(single.rejected).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / 400));
    expect(single.covered).toBe(1 - single.rejected);
    const several = simulated({ ...world, samples: 8 }, 400, createRandom(4));
    expect(several.rejected).toBeGreaterThan(0.02);
    expect(several.rejected).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / 400));
  });

  test("of an effect: 95 of 100 intervals hold it, of one side's accuracy too", () => {
    const { covered, accuracyCovered } = simulated({ ...world, samples: 4, effect: 1.5 }, 400, createRandom(5));
    for (const share of [covered, accuracyCovered])
      expect(share).toBeGreaterThanOrEqual(0.95 - 2 * Math.sqrt((0.05 * 0.95) / 400));
  });

  test("of three lucky seeds on each side: the interval holds the truth about other seeds too", () => {
    const { covered, rejected } = simulated({ ...world, questions: 40, seeds: 3, luck: 0.5 }, 40, createRandom(6));
    expect(covered).toBeGreaterThanOrEqual(0.9);
    expect(rejected).toBeLessThanOrEqual(0.1);
  });
});
