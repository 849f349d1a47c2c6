import { lossOf } from "@papo/core/testing";
import { WhitenedAdvantagePlugin } from "@papo/plugins";
import { expect, it } from "vitest";

it("puts the reward at the last token, −β·k1 at each, discounts what follows, and whitens over all tokens", () => {
  const input = {
    logProbs: [
      [-1, -1, -1],
      [-1, -1, 0],
    ],
    mask: [
      [1, 1, 1],
      [1, 1, 0],
    ],
    rewards: [1, 0],
    scores: {
      "original/reference/logProbs": [
        [-1.5, -1, -1],
        [-1, -0.5, 0],
      ],
    },
  };
  const { advantages, metrics } = lossOf([new WhitenedAdvantagePlugin({ discount: 0.5, kl: 0.2 })], input);
  // k1: 0.5, 0, 0 and 0, −0.5: returns −0.1 + 0.25, 0.5, 1 and 0.05, 0.1.
  const returns = [0.15, 0.5, 1, 0.05, 0.1];
  const mean = returns.reduce((a, b) => a + b, 0) / 5;
  const deviation = Math.sqrt(returns.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4 + 1e-8);
  [...advantages[0]!, ...advantages[1]!.slice(0, 2)].forEach((value, index) =>
    expect(value).toBeCloseTo((returns[index]! - mean) / deviation, 5),
  );
  expect(advantages[1]![2]).toBe(0);
  expect(metrics["reinforce/return"]).toBeCloseTo(mean, 6);
  expect(metrics["reinforce/kl"]).toBeCloseTo(0, 6);
});
