import { describe, expect, it } from "vitest";
import { groupAdvantages } from "../../../core/math/group-advantages.ts";

const usual = { normalise: true, epsilon: 1e-6, single: "reward" } as const;

describe("groupAdvantages", () => {
  it("works within groups, in whatever order they come", () => {
    const together = groupAdvantages([1, 3, 0, 0, 3], [0, 0, 1, 1, 1], usual);
    const apart = groupAdvantages([0, 1, 0, 3, 3], [1, 0, 1, 0, 1], usual);
    expect([...apart]).toEqual([2, 0, 3, 1, 4].map((index) => together[index]));
    expect(together[0]).toBeCloseTo(-1 / (Math.SQRT2 + 1e-6), 12);
  });

  it("sums to 0 in each group", () => {
    const advantages = groupAdvantages([0.3, 0.9, 0.1, 0.7], [0, 0, 0, 0], usual);
    expect(advantages.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 12);
  });

  it("needs a group for each reward", () => {
    expect(() => groupAdvantages([1, 2], [0], usual)).toThrow("found 1 for 2");
  });
});
