import { expect, test } from "vitest";
import { drawPanels, ticksOf } from "../../../../recipes/app/compare/panels.ts";

test("ticks are round and hold what is drawn between them", () => {
  expect(ticksOf(0.13, 0.87)).toEqual([0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  for (const [low, high] of [
    [0, 0],
    [5, 5],
    [-3, 7],
    [1e-6, 2e-6],
    [99.9, 100],
    [-0.001, 0],
  ] as const) {
    const ticks = ticksOf(low, high);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks[0]! <= low && ticks.at(-1)! >= high).toBe(true);
  }
});

test("texts of a drawing are texts, and points that were not measured are left out", () => {
  const at = (value: number) => ({ value, low: value - 1, high: value + 1 });
  const svg = drawPanels([
    {
      title: "<a&b>",
      x: "rate",
      y: "reward",
      at: ["1", "<2>", "3"],
      lines: [
        { label: "one", points: [at(1), null, at(3)] },
        { label: "two", points: [null, at(2), null] },
      ],
    },
  ]);
  expect(svg.match(/<circle/g)).toHaveLength(3);
  expect(svg).not.toContain("<2>");
  expect(svg).toContain("&#60;a&#38;b&#62;");
  expect(svg).not.toContain("NaN");
});
