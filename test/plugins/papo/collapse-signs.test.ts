import { expect, it } from "vitest";
import { isGibberish, moved, type Course } from "../../../plugins/papo/collapse-signs.ts";

it("a response that was cut, or goes round in circles, is gibberish; short ones and lists are not", () => {
  const of = (tokens: number[], finish: "stop" | "length" = "stop"): boolean =>
    isGibberish({ tokens: Int32Array.from(tokens), finish });
  expect(of([1, 2, 3], "length")).toBe(true);
  expect(of([5, 5, 5])).toBe(false);
  // 11 pairs, 2 different; a list with commas: 11 pairs, all but one different.
  expect(of([7, 8, 7, 8, 7, 8, 7, 8, 7, 8, 7, 8])).toBe(true);
  expect(of([1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 1, 9])).toBe(false);
});

it("nothing has moved before a window and a baseline are full; the baseline follows the best and never the collapse", () => {
  const course: Course = { recent: {}, best: {} };
  const watching = { window: 2, baseline: 2, factor: 2 };
  const step = (value: number): string[] => moved(course, { "papo/kl_variance": value }, watching);
  expect([step(9), step(9), step(9)]).toEqual([[], [], []]);
  expect(step(9)).toEqual([]);
  // Down is no sign; the best goes with it.
  for (const value of [3, 3, 3, 3]) expect(step(value)).toEqual([]);
  expect(course.best["papo/kl_variance"]).toBe(3);
  expect(step(5)).toEqual([]);
  expect(step(8)).toEqual(["papo/kl_variance 3.00 → 6.50"]);
  for (const value of [8, 8, 8, 8, 8]) expect(step(value)).toEqual(["papo/kl_variance 3.00 → 8.00"]);
  expect(moved(course, { "papo/kl_variance": Number.NaN }, watching)).toEqual([]);
});
