import { expect, test } from "vitest";
import { rolloutChoice } from "./modules.ts";

const { emptyIndex, extended, chosen } = rolloutChoice;
const part = { version: 1, total: 5, reading: false, verdictSets: [["right"], ["wrong", "late"]] };
const more = {
  ...part,
  from: 0,
  run: [0, 0, 1, 0, 1],
  step: [1, 1, 1, 2, 2],
  reward: [0.5, 1, null, 0, 1],
  verdicts: [0, 0, 1, 1, 0],
  length: [5, 9, 2, 7, 7],
  perceptionKl: [0.1, null, 0.3, 0.2, null],
};
const any = { run: "", verdict: "", from: "", to: "", order: "newest" };

test("newest first, the runs in turn; other orders with what lacks the number last", () => {
  const index = extended(emptyIndex(), more);
  expect(chosen(index, any)).toEqual([3, 4, 0, 2, 1]);
  expect(chosen(index, { ...any, order: "oldest" })).toEqual([0, 2, 1, 3, 4]);
  expect(chosen(index, { ...any, order: "worst" })).toEqual([3, 0, 4, 1, 2]);
  expect(chosen(index, { ...any, order: "best" })).toEqual([4, 1, 0, 3, 2]);
  expect(chosen(index, { ...any, order: "looking" }).slice(0, 3)).toEqual([2, 3, 0]);
  expect(chosen(index, { ...any, order: "longest" })[0]).toBe(1);
});

test("filters by run, verdict and steps", () => {
  const index = extended(emptyIndex(), more);
  expect(chosen(index, { ...any, run: "1" })).toEqual([4, 2]);
  expect(chosen(index, { ...any, verdict: "late" })).toEqual([3, 2]);
  expect(chosen(index, { ...any, from: "2" })).toEqual([3, 4]);
  expect(chosen(index, { ...any, to: "1", run: "0" })).toEqual([0, 1]);
});

test("what comes later is added, what comes twice is not, another version begins anew", () => {
  const first = extended(emptyIndex(), more);
  const later = {
    ...part,
    from: 4,
    run: [1, 1],
    step: [2, 3],
    reward: [1, 1],
    verdicts: [0, 0],
    length: [1, 1],
    perceptionKl: [null, null],
  };
  const second = extended(first, later);
  expect(second.step).toEqual([1, 1, 1, 2, 2, 3]);
  expect(extended(second, { ...more, version: 2 }).step).toEqual(more.step);
});
