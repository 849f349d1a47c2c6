import { describe, expect, it } from "vitest";
import { createHost, lossOf } from "@papo/core/testing";
import { EntropyProbePlugin } from "../../../plugins/observe/entropy-probe.ts";

describe("EntropyProbePlugin", () => {
  it("reports the mean entropy over tokens, and gives no term", () => {
    const { terms, metrics } = lossOf([new EntropyProbePlugin()], {
      logProbs: [
        [-1, -2],
        [-0.5, -9],
      ],
      mask: [
        [1, 1],
        [1, 0],
      ],
      scores: {
        "original/old/entropy": [
          [0.5, 1],
          [3, 100],
        ],
      },
    });
    expect(metrics["observe/entropy"]).toBeCloseTo(1.5, 6);
    expect(Object.keys(terms)).toEqual([]);
  });

  it("asks for nothing in the steps between", () => {
    const host = createHost([new EntropyProbePlugin({ every: 5 })], { seed: 1 });
    const active = [1, 2, 4, 5, 6, 10].filter((step) => {
      host.beginStep({ step, steps: 10 });
      return host.scores().some((score) => score.active);
    });
    expect(active).toEqual([1, 5, 10]);
  });
});
