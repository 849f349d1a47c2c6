import { expect, test } from "vitest";
import { learningRateAt } from "../../../../core/pipeline/step/schedule.ts";

const base = { steps: 10, learningRate: 1, warmupSteps: 0, decay: "constant", finalFraction: 0 } as const;
const course = (schedule: Parameters<typeof learningRateAt>[1]) =>
  Array.from({ length: schedule.steps }, (_, index) => learningRateAt(index + 1, schedule));

test("the warm-up rises linearly to the full rate and does not waste the first step", () => {
  expect(course({ ...base, warmupSteps: 4 })).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]);
});

test("linear decay starts full and ends one notch above the final fraction", () => {
  expect(course({ ...base, steps: 4, decay: "linear" })).toEqual([1, 0.75, 0.5, 0.25]);
  expect(course({ ...base, steps: 4, decay: "linear", finalFraction: 0.5 })).toEqual([1, 0.875, 0.75, 0.625]);
  expect(course({ ...base, steps: 6, decay: "linear", warmupSteps: 2 })).toEqual([0.5, 1, 1, 0.75, 0.5, 0.25]);
});

test("cosine decay passes the middle half way", () => {
  const rates = course({ ...base, steps: 4, decay: "cosine" });
  expect(rates[0]).toBe(1);
  expect(rates[2]).toBeCloseTo(0.5, 12);
  expect(rates[3]).toBeCloseTo((1 + Math.cos((3 * Math.PI) / 4)) / 2, 12);
});

test("a warm-up as long as the run never decays", () => {
  expect(course({ ...base, steps: 2, warmupSteps: 2, decay: "linear" })).toEqual([0.5, 1]);
});
