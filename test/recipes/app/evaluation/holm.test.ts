import { expect, test } from "vitest";
import { holm } from "../../../../recipes/app/evaluation/holm.ts";

test('adjusts as statsmodels\' multipletests(method="holm") does, in the order given', () => {
  // numpy: np.minimum(1, np.maximum.accumulate((m - np.arange(m)) * np.sort(p))), put back in place.
  const adjusted = holm([0.04, 0.001, 0.03, 0.012, 0.6]);
  for (const [index, value] of [0.09, 0.005, 0.09, 0.048, 0.6].entries())
    expect(adjusted[index]).toBeCloseTo(value, 12);
});

test("nulls are no comparisons, equal values stay equal, nothing exceeds 1", () => {
  expect(holm([null, 0.5, 0.5, null, 0.9])).toEqual([null, 1, 1, null, 1]);
  expect(holm([0.03])).toEqual([0.03]);
  expect(holm([])).toEqual([]);
});
