import { expect, test } from "vitest";
import { series } from "./modules.ts";

const { smoothed, bandOf, columnsOf } = series;

test("smoothing keeps a constant, passes gaps, and weighs earlier values less and less", () => {
  expect(smoothed([3, 3, null, 3], 0.9)).toEqual(
    [3, 3, null, 3].map((value) => (value === null ? null : (expect.closeTo(value, 12) as number))),
  );
  // weights 0.25·0.5 and 0.5 of 0.75 in all
  expect(smoothed([0, 3], 0.5)).toEqual([0, expect.closeTo(2, 12)]);
  expect(smoothed([1, 5], 0)).toEqual([1, 5]);
});

test("seeds become mean, lowest and highest at each step that any of them has", () => {
  expect(
    bandOf([
      { steps: [1, 2], mean: [1, 2] },
      { steps: [1, 3], mean: [3, null] },
      { steps: [1], mean: [8] },
    ]),
  ).toEqual({ steps: [1, 2], mean: [4, 2], low: [1, 2], high: [8, 2] });
});

test("lines of other steps share a table; a line lies over its faint numbers, or over the band of its bucket", () => {
  const look = { place: 0, seed: 0 };
  const { table, columns } = columnsOf(
    [
      { label: "a", look, steps: [1, 3], mean: [1, 3] },
      { label: "b", look, steps: [2, 3], mean: [5, 5], low: [4, 4], high: [6, 6] },
    ],
    0.5,
  );
  expect(columns.map(({ label, kind }) => `${label} ${kind}`)).toEqual([
    "a raw",
    "a line",
    "b high",
    "b low",
    "b line",
  ]);
  expect(table).toEqual([
    [1, 2, 3],
    [1, null, 3],
    [1, null, expect.closeTo(7 / 3, 12)],
    [null, 6, 6],
    [null, 4, 4],
    [null, 5, 5],
  ]);
});
