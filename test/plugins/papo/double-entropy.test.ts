import { lossOf } from "@papo/core/testing";
import { DoubleEntropyPlugin, PerceptionKlPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

/** One response; the same numbers stand for the masked view under old and current weights. */
const minibatch = (logProbs: number[], masked: number[]) => ({
  logProbs: [logProbs],
  scores: { "masked/old/logProbs": [masked], "masked/current/logProbs": [masked] },
});

describe("DoubleEntropyPlugin", () => {
  it("penalises both entropies, the masked one without gradient in official mode", () => {
    const { loss, terms, gradients } = lossOf(
      [new DoubleEntropyPlugin({ original: 0.5, masked: 0.25 })],
      minibatch([-1, -3], [-2, -6]),
    );
    expect(terms["papo/entropy"]!.value).toBe(2);
    expect(terms["papo/entropy_masked"]!.value).toBe(4);
    expect(loss).toBe(2);
    expect(gradients).toEqual({ original: { logProbs: [[-0.25, -0.25]] } });
  });

  it("sends the masked side a gradient in paper mode", () => {
    const { gradients } = lossOf(
      [new DoubleEntropyPlugin({ original: 0.5, masked: 0.25, mode: "paper" })],
      minibatch([-1, -3], [-2, -6]),
    );
    expect(gradients).toEqual({ original: { logProbs: [[-0.25, -0.25]] }, masked: { logProbs: [[-0.125, -0.125]] } });
  });

  it("measures the masked entropy where there is something to mask", () => {
    const both = { logProbs: [[-1], [-1]], scores: { "masked/old/logProbs": [[-3], [-1]] }, pictures: [1, 0] };
    const { terms, metrics } = lossOf([new DoubleEntropyPlugin()], both);
    expect(terms["papo/entropy_masked"]!.value).toBe(1.5);
    expect(metrics).toMatchObject({ "papo/entropy": 1, "papo/entropy_masked": 3 });
  });

  it("scores once for both plugins of the method", () => {
    const plugins = [new PerceptionKlPlugin({ mode: "paper" }), new DoubleEntropyPlugin({ mode: "official" })];
    const { gradients } = lossOf(plugins, minibatch([-1], [-1.5]));
    // Old and current weights stay apart: only the perception term moves the masked side.
    expect(gradients["masked"]!["logProbs"]![0]![0]).toBeCloseTo(-0.01 * Math.expm1(-0.5), 7);
  });
});
