import { describe, expect, it } from "vitest";
import { createHost, lossOf } from "@papo/core/testing";
import { PerceptionProbePlugin } from "../../../plugins/observe/perception-probe.ts";

const minibatch = {
  logProbs: [
    [-1, -2],
    [-0.5, -9],
  ],
  mask: [
    [1, 1],
    [1, 0],
  ],
  scores: {
    "masked/old/logProbs": [
      [-1, -3],
      [-1.5, -1],
    ],
  },
};

describe("PerceptionProbePlugin", () => {
  it("reports the mean over tokens of k3 and of −log π under the mask, and gives no term", () => {
    const { terms, metrics } = lossOf([new PerceptionProbePlugin()], minibatch);
    expect(metrics["observe/perception_kl"]).toBeCloseTo((2 * Math.exp(-1)) / 3, 6);
    expect(metrics["observe/masked_entropy"]).toBeCloseTo((1 + 3 + 1.5) / 3, 6);
    expect(Object.keys(terms)).toEqual([]);
  });

  it("leaves text-only prompts out", () => {
    const { metrics } = lossOf([new PerceptionProbePlugin()], { ...minibatch, pictures: [0, 1] });
    expect(metrics["observe/perception_kl"]).toBeCloseTo(Math.exp(-1), 6);
    expect(metrics["observe/masked_entropy"]).toBe(1.5);
  });

  it("asks for nothing in the steps between", () => {
    const host = createHost([new PerceptionProbePlugin({ every: 5 })], { seed: 1, givenViews: ["masked"] });
    const active = [1, 2, 4, 5, 6, 10].filter((step) => {
      host.beginStep({ step, steps: 10 });
      return host.scores().some((score) => score.active);
    });
    expect(active).toEqual([1, 5, 10]);
  });

  it("says which plugin is missing when no view is registered", () => {
    expect(() => createHost([new PerceptionProbePlugin()], { seed: 1 })).toThrow(
      /PerceptionProbePlugin.*"masked".*RandomMaskPlugin/s,
    );
  });
});
