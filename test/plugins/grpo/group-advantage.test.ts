import { lossOf } from "@papo/core/testing";
import { GroupAdvantagePlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const advantagesOf = (plugin: GroupAdvantagePlugin, rewards: number[], groupOf: number[]) => {
  return lossOf([plugin], {
    logProbs: rewards.map(() => [-1, -2]),
    mask: rewards.map((_, row) => [1, row === 0 ? 0 : 1]),
    rewards,
    groupOf,
  });
};

describe("GroupAdvantagePlugin", () => {
  it("takes mean and unbiased deviation within each group, over every token that counts", () => {
    // Group 0: 1, 3 (mean 2, std √2); group 1: 0, 0, 3 (mean 1, std √3).
    const { advantages, metrics } = advantagesOf(new GroupAdvantagePlugin(), [1, 0, 3, 0, 3], [0, 1, 0, 1, 1]);
    const [a, b, c] = [1 / (Math.SQRT2 + 1e-6), 1 / (Math.sqrt(3) + 1e-6), 2 / (Math.sqrt(3) + 1e-6)];
    const wanted = [
      [-a, 0],
      [-b, -b],
      [a, a],
      [-b, -b],
      [c, c],
    ];
    wanted.forEach((row, index) =>
      row.forEach((value, token) => expect(advantages[index]![token]).toBeCloseTo(value, 6)),
    );
    expect(metrics["grpo/zero_advantage"]).toBe(0);
  });

  it("gives exactly 0 to a group that agrees, whatever its rounding", () => {
    const { advantages, metrics } = advantagesOf(new GroupAdvantagePlugin(), [0.1, 0.1, 0.1, 1, 0], [0, 0, 0, 1, 1]);
    expect(advantages.slice(0, 3).flat()).toEqual([0, 0, 0, 0, 0, 0]);
    expect(metrics["grpo/zero_advantage"]).toBeCloseTo(0.6, 12);
  });

  it("keeps the raw reward of a group of one, or gives 0", () => {
    expect(advantagesOf(new GroupAdvantagePlugin({ normalise: false }), [1, 0.25], [0, 1]).advantages[1]).toEqual([
      0.25, 0.25,
    ]);
    expect(advantagesOf(new GroupAdvantagePlugin({ single: "zero" }), [1, 0.25], [0, 1]).advantages[1]).toEqual([0, 0]);
  });
});
