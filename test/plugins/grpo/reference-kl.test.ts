import { lossOf } from "@papo/core/testing";
import { ReferenceKlPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const key = "original/reference/logProbs";

describe("ReferenceKlPlugin", () => {
  it.each([
    ["k1", 0.5, 1],
    ["k2", 0.125, 0.5],
    ["k3", Math.exp(-0.5) - 0.5, 1 - Math.exp(-0.5)],
  ] as const)("%s of a token that is e^½ times likelier than before", (estimator, value, slope) => {
    const { loss, gradients, metrics } = lossOf([new ReferenceKlPlugin({ estimator, coefficient: 2 })], {
      logProbs: [[-1]],
      scores: { [key]: [[-1.5]] },
    });
    expect(loss).toBeCloseTo(2 * value, 6);
    expect(gradients["original"]!["logProbs"]![0]![0]).toBeCloseTo(2 * slope, 6);
    expect(metrics["reference/kl"]).toBeCloseTo(value, 6);
  });

  it("clamps on request", () => {
    const far = { logProbs: [[-30]], scores: { [key]: [[-1]] } };
    expect(lossOf([new ReferenceKlPlugin({ coefficient: 1 })], far)).toMatchObject({
      loss: 10,
      gradients: { original: { logProbs: [[0]] } },
    });
    expect(lossOf([new ReferenceKlPlugin({ coefficient: 1, clamp: false })], far).loss / Math.exp(29)).toBeCloseTo(
      1,
      5,
    );
  });

  it("asks for nothing at coefficient 0, and says what is missing otherwise", () => {
    expect(lossOf([new ReferenceKlPlugin({ coefficient: 0 })], { logProbs: [[-1]] }).loss).toBe(0);
    expect(() => lossOf([new ReferenceKlPlugin()], { logProbs: [[-1]] })).toThrow(
      `ReferenceKlPlugin failed in hook "terms": The scores "${key}" are asked for and were not given`,
    );
  });
});
