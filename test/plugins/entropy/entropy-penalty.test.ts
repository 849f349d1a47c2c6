import { lossOf } from "@papo/core/testing";
import { EntropyPenaltyPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const minibatch = {
  logProbs: [
    [-1, -3],
    [-2, -9],
  ],
  mask: [
    [1, 1],
    [1, 0],
  ],
  scores: {
    "original/current/entropy": [
      [0.5, 1],
      [1.5, 9],
    ],
  },
};

describe("EntropyPenaltyPlugin", () => {
  it("penalises −log π of the tokens that count", () => {
    const { loss, gradients } = lossOf([new EntropyPenaltyPlugin({ coefficient: 0.5 })], minibatch);
    expect(loss).toBeCloseTo(0.5 * 2, 6);
    const slope = expect.closeTo(-0.5 / 3, 6) as number;
    expect(gradients["original"]!["logProbs"]).toEqual([
      [slope, slope],
      [slope, 0],
    ]);
  });

  it("penalises the whole distribution's entropy, with its own gradient", () => {
    const { loss, gradients } = lossOf([new EntropyPenaltyPlugin({ coefficient: 0.5, estimate: "full" })], minibatch);
    expect(loss).toBeCloseTo(0.5, 6);
    const slope = expect.closeTo(0.5 / 3, 6) as number;
    expect(gradients["original"]).toEqual({
      logProbs: [
        [0, 0],
        [0, 0],
      ],
      entropy: [
        [slope, slope],
        [slope, 0],
      ],
    });
  });

  it("is a bonus the other way round", () => {
    expect(lossOf([new EntropyPenaltyPlugin({ coefficient: 0.5, direction: "maximise" })], minibatch).loss).toBeCloseTo(
      -1,
      6,
    );
  });
});
