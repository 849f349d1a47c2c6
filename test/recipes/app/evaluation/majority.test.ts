import { describe, expect, test } from "vitest";
import { createRandom } from "@papo/core";
import { majorityAtK, type Vote } from "../../../../recipes/app/evaluation/majority.ts";

/** Every subset of size k. */
function* subsets<T>(items: readonly T[], k: number, from = 0): Generator<T[]> {
  if (k === 0) yield [];
  else
    for (let index = from; index <= items.length - k; index++)
      for (const rest of subsets(items, k - 1, index + 1)) yield [items[index]!, ...rest];
}

/** Of one subset: the right part of the commonest answers. */
function winnerOf(chosen: readonly Vote[]): number {
  const given = chosen.flatMap(({ answer }) => answer ?? []);
  const counts = new Map(
    [...new Set(given)].map((answer) => [answer, given.filter((other) => other === answer).length]),
  );
  const most = Math.max(0, ...counts.values());
  const winners = [...counts].filter(([, count]) => count === most).map(([answer]) => answer);
  return winners.length === 0
    ? 0
    : winners.filter((answer) => chosen.some((vote) => vote.answer === answer && vote.right)).length / winners.length;
}

const byEnumeration = (votes: readonly Vote[], k: number): number => {
  const all = [...subsets(votes, k)];
  return all.reduce((sum, chosen) => sum + winnerOf(chosen), 0) / all.length;
};

const votes = (...answers: readonly (string | null)[]): Vote[] =>
  answers.map((answer) => ({ answer, right: answer === "r" || answer === "R" }));
/** So many answers of each class; the classes named are right. */
const classes = (sizes: readonly number[], right: readonly number[], none = 0): Vote[] => [
  ...sizes.flatMap((size, index) =>
    Array.from({ length: size }, () => ({ answer: String(index), right: right.includes(index) })),
  ),
  ...Array.from({ length: none }, () => ({ answer: null, right: false })),
];

test("the commonest answer wins, ties count in part, none given never wins", () => {
  expect(majorityAtK(votes("r", "a", "r", "b"), 4)).toBe(1);
  expect(majorityAtK(votes("r", "a", "a", "r"), 4)).toBe(0.5);
  expect(majorityAtK(votes("r", "a", "b", null), 4)).toBeCloseTo(1 / 3, 14);
  expect(majorityAtK(votes(null, null, null, "r"), 4)).toBe(1);
  expect(majorityAtK(votes(null, null), 2)).toBe(0);
  expect(majorityAtK(votes("a", "b"), 1)).toBe(0);
  // Two of three: {r, a}, {r, a} tie, {a, a} does not.
  expect(majorityAtK(votes("r", "a", "a"), 2)).toBeCloseTo(1 / 3, 14);
  expect(() => majorityAtK(votes("a"), 2)).toThrow("maj@2 of 1 answers: k must be between 1 and their number");
  expect(() => majorityAtK(votes("a"), 0.5)).toThrow(RangeError);
});

test.each(Array.from({ length: 40 }, (_, index) => index))(
  "is the mean over all subsets of drawn votes, case %i",
  (seed) => {
    const random = createRandom(seed).key("votes");
    const n = 1 + Math.floor(random.uniform(0) * 11);
    const names = ["r", "R", "a", "b", "c", null] as const;
    const known = 1 + Math.floor(random.uniform(1) * names.length);
    const drawn = votes(
      ...Array.from({ length: n }, (_, index) => names[Math.floor(random.uniform(2 + index) * known)]!),
    );
    for (let k = 1; k <= n; k++)
      expect(majorityAtK(drawn, k), `${JSON.stringify(drawn.map(({ answer }) => answer))}, k ${k}`).toBeCloseTo(
        byEnumeration(drawn, k),
        12,
      );
  },
);

test("an answer that was judged right now and wrong then counts by its share", () => {
  expect(
    majorityAtK(
      [
        { answer: "x", right: true },
        { answer: "x", right: false },
      ],
      2,
    ),
  ).toBe(0.5);
});

describe("of many answers", () => {
  /**
   * The chance that A of a votes beats B of b in k draws, ties half: two answers alone, hypergeometric, in whole
   * numbers.
   */
  const twoAnswers = (a: number, b: number, k: number): number => {
    const choose = (n: number, i: number): bigint => {
      let value = 1n;
      for (let step = 1n; step <= BigInt(i); step++) value = (value * (BigInt(n) - BigInt(i) + step)) / step;
      return value;
    };
    let [wins, all] = [0n, 0n];
    for (let mine = Math.max(0, k - b); mine <= Math.min(a, k); mine++) {
      const ways = choose(a, mine) * choose(b, k - mine);
      all += 2n * ways;
      wins += (2 * mine > k ? 2n : 2 * mine === k ? 1n : 0n) * ways;
    }
    return Number((wins * 10n ** 18n) / all) / 1e18;
  };

  test.each([
    [40, 24, 9],
    [40, 24, 32],
    [530, 494, 2],
    [530, 494, 512],
    [530, 494, 1000],
  ])("%i against %i, k = %i, is the exact fraction", (a, b, k) => {
    expect(majorityAtK(classes([a, b], [0]), k)).toBeCloseTo(twoAnswers(a, b, k), 10);
  });

  test("1,024 alike share the win, whatever k", () => {
    for (const k of [1, 2, 512, 1023, 1024])
      expect(majorityAtK(classes(Array<number>(1024).fill(1), [0, 5]), k)).toBeCloseTo(2 / 1024, 12);
    for (const k of [16, 512]) expect(majorityAtK(classes(Array<number>(32).fill(32), [7]), k)).toBeCloseTo(1 / 32, 12);
  });

  test("maj@1 is the share of right answers, maj@n the plurality", () => {
    const given = classes([400, 300, 100, 50, 20, ...Array<number>(90).fill(1)], [1], 64);
    expect(given).toHaveLength(1024);
    expect(majorityAtK(given, 1)).toBeCloseTo(300 / 1024, 12);
    expect(majorityAtK(given, 1024)).toBe(0);
    expect(majorityAtK(given, 512)).toBeLessThan(majorityAtK(given, 8));
  });
});
