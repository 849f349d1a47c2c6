import { expect, test } from "vitest";
import { inSpreadOrder, spreadOrder } from "../../../../recipes/app/page/spread.ts";

test("every beginning of the order is spread: first, last, middle, quarters", () => {
  expect(spreadOrder(9)).toEqual([0, 8, 4, 2, 6, 1, 3, 5, 7]);
  for (const count of [0, 1, 2, 3, 10, 37, 1000])
    expect([...spreadOrder(count)].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
  const some = spreadOrder(1000)
    .slice(0, 100)
    .sort((a, b) => a - b);
  expect(Math.max(...some.slice(1).map((value, at) => value - some[at]!))).toBeLessThanOrEqual(16);
});

test("one rollout of each step before the second of any, runs in turn", () => {
  const items = [
    { run: 0, step: 1 },
    { run: 0, step: 1 },
    { run: 0, step: 2 },
    { run: 0, step: 3 },
    { run: 0, step: 3 },
    { run: 1, step: 7 },
    { run: 1, step: 9 },
  ];
  expect(inSpreadOrder(items)).toEqual([0, 5, 3, 6, 2, 1, 4]);
  expect(inSpreadOrder([])).toEqual([]);
});
