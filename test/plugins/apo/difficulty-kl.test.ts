import { lossOf, type MinibatchInput } from "@papo/core/testing";
import { DifficultyKlPlugin, ReferenceKlPlugin } from "@papo/plugins";
import { expect, it } from "vitest";

it("has the published weights: e is Euler's number, pass rates 1/8, 1/2, 3/4, 7/8", () => {
  const plugin = new DifficultyKlPlugin();
  expect([0.125, 0.5, 0.75, 0.875].map((rate) => Number(plugin.weight(1, rate).toFixed(3)))).toEqual([
    0.288, 0.743, 0.87, 0.907,
  ]);
  expect([plugin.weight(-1, 0.5), plugin.weight(0, 0.5), plugin.weight(1, 0), plugin.weight(1, 1)]).toEqual([
    1, 1, 1, 1,
  ]);
});

it("weights the reference KL of right answers by their group's pass rate", () => {
  const input: MinibatchInput = {
    logProbs: [[-1], [-1], [-1], [-1]],
    advantages: [1, -1, 1, 1],
    groupOf: [0, 0, 1, 1],
    parts: { accuracy: [1, 0, 1, 1] },
    scores: { "original/reference/logProbs": [[-2], [-2], [-2], [-2]] },
  };
  const kl = Math.exp(-1) + 1 - 1;
  const { terms } = lossOf(
    [new ReferenceKlPlugin({ coefficient: 1 }), new DifficultyKlPlugin({ steepness: 2 })],
    input,
  );
  expect(terms["reference/kl"]!.value).toBeCloseTo((kl * (1 - Math.exp(-1) + 1 + 1 + 1)) / 4, 6);
  expect(() =>
    lossOf([new ReferenceKlPlugin({ coefficient: 1 }), new DifficultyKlPlugin({ metric: "right" })], input),
  ).toThrow('the reward of prompt "prompt-0" has no part "right"; it has accuracy');
});
