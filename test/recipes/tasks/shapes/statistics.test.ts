import { expect, test } from "vitest";
import type { ErrorClass, Judgement } from "../../../../recipes/tasks/shapes/judge.ts";
import { summarize, wilson, type Judged } from "../../../../recipes/tasks/shapes/statistics.ts";

test("Wilson's interval, against values worked out by hand", () => {
  const half = wilson(50, 100);
  expect(half.low).toBeCloseTo(0.40383, 4);
  expect(half.high).toBeCloseTo(0.59617, 4);
  const none = wilson(0, 10);
  expect(none.low).toBe(0);
  expect(none.high).toBeCloseTo(0.27753, 4);
  expect(wilson(0, 0)).toEqual({ count: 0, total: 0, value: 0, low: 0, high: 1 });
});

const judged = (kind: string, errorClass: ErrorClass | null, more: Partial<Judgement> = {}): Judged => ({
  kind,
  visionDependent: kind !== "arithmetic",
  judgement: { correct: errorClass === null, errorClass, falseFacts: false, direct: false, answer: "1", reasoned: "1", statedFacts: [], untrueFacts: [], missingFacts: [], ...more },
});

test("an evaluation is counted overall, by kind, and by what went wrong", () => {
  const summary = summarize([
    judged("at", null),
    judged("at", null, { falseFacts: true }),
    judged("at", null, { direct: true }),
    judged("count_colour", "perception"),
    judged("count_colour", "perception"),
    judged("arithmetic", "direct", { direct: true }),
    judged("arithmetic", null),
  ]);
  expect(summary.accuracy).toMatchObject({ count: 4, total: 7 });
  expect(summary.visionDependent).toMatchObject({ count: 3, total: 5 });
  expect(summary.visionFree).toMatchObject({ count: 1, total: 2 });
  expect(summary.byKind["count_colour"]).toMatchObject({ count: 0, total: 2 });
  expect(summary.errors.perception).toMatchObject({ count: 2, total: 3 });
  expect(summary.errors.direct).toMatchObject({ count: 1, total: 3 });
  expect(summary.errors.format).toMatchObject({ count: 0, total: 3 });
  expect(summary.rightWithFalseFacts).toMatchObject({ count: 1, total: 3 });
  expect(summary.direct).toMatchObject({ count: 2, total: 7 });
});
