/** Bugs that published code has or had; each of these tests would have caught one. */
import { klDivergence } from "@papo/core";
import { lossOf, type MinibatchInput } from "@papo/core/testing";
import { ClippedObjectivePlugin, DoubleEntropyPlugin, PerceptionKlPlugin, VisualDependencyPlugin } from "@papo/plugins";
import { papo, grpo } from "@papo/recipes";
import { tensor2d } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

const largest = (rows: readonly (readonly number[])[] | undefined): number =>
  Math.max(0, ...(rows ?? []).flat().map(Math.abs));
const masked = [
  [-1.5, -0.7, -2],
  [-0.9, -1.8, -0.2],
];
const input: MinibatchInput = {
  logProbs: [
    [-0.5, -0.6, -1],
    [-0.3, -1.2, -0.4],
  ],
  mask: [
    [1, 1, 1],
    [1, 1, 0],
  ],
  advantages: [1, -1],
  scores: { "masked/old/logProbs": masked, "masked/current/logProbs": masked },
};

describe("a token mean", () => {
  it("is over all tokens of the minibatch, not a mean of the means of its parts", () => {
    const objective = (): ClippedObjectivePlugin =>
      new ClippedObjectivePlugin({ reduction: "token_mean", clipLow: 0.99, clipHigh: 9 });
    const rows: MinibatchInput = {
      logProbs: [
        [-0.1, -0.2, -0.3, -0.4],
        [-0.5, 0, 0, 0],
      ],
      oldLogProbs: [
        [-0.2, -0.2, -0.2, -0.2],
        [-1, 0, 0, 0],
      ],
      mask: [
        [1, 1, 1, 1],
        [1, 0, 0, 0],
      ],
      advantages: [1, 2],
    };
    const ratios = [0.1, 0, -0.1, -0.2].map(Math.exp);
    const whole = -(ratios.reduce((sum, ratio) => sum + ratio, 0) + 2 * Math.exp(0.5)) / 5;
    const ofMeans = -(ratios.reduce((sum, ratio) => sum + ratio, 0) / 4 + 2 * Math.exp(0.5)) / 2;
    expect(lossOf([objective()], rows).loss).toBeCloseTo(whole, 5);
    expect(Math.abs(whole - ofMeans)).toBeGreaterThan(0.5);
  });
});

describe("the masked entropy", () => {
  it("has no gradient in official mode, where the masked side is a constant, and has one in paper mode", () => {
    const official = lossOf([new DoubleEntropyPlugin({ original: 0, masked: 1, mode: "official" })], input);
    expect(official.loss).toBeGreaterThan(0);
    expect([largest(official.gradients["original"]!["logProbs"]), official.gradients["masked"]]).toEqual([
      0,
      undefined,
    ]);
    const paper = lossOf([new DoubleEntropyPlugin({ original: 0, masked: 1, mode: "paper" })], input);
    expect(largest(paper.gradients["masked"]!["logProbs"])).toBeCloseTo(1 / 5, 6);
  });

  it("can be the only thing that a gradient goes through, or the only one that it does not", () => {
    const through = (maskedGradient: "none" | "entropy" | "kl" | "both"): number =>
      largest(lossOf(papo(grpo({ referenceKl: 0 }), { maskedGradient }), input).gradients["masked"]?.["logProbs"]);
    expect(through("none")).toBe(0);
    const [entropy, kl, both] = [through("entropy"), through("kl"), through("both")];
    expect(new Set([entropy, kl, both]).size).toBe(3);
    expect(Math.min(entropy, kl, both)).toBeGreaterThan(0);
  });
});

describe("the perception term", () => {
  it("is in the gradient of the whole recipe, in either mode", () => {
    const base = lossOf(grpo({ referenceKl: 0 }), input);
    for (const mode of ["official", "paper"] as const) {
      const { gradients, terms } = lossOf(papo(grpo({ referenceKl: 0 }), { mode, eta: 0 }), input);
      const added = gradients["original"]!["logProbs"]!.flat().map(
        (value, index) => value - base.gradients["original"]!["logProbs"]!.flat()[index]!,
      );
      expect(Math.max(...added.map(Math.abs))).toBeGreaterThan(1e-4);
      expect(terms["papo/perception_kl"]!.norm).toBeGreaterThan(1e-4);
    }
  });

  it("is not 0 for policies that differ by less than 1e-4", () => {
    for (const x of [1e-4, 1e-5, 1e-6]) {
      const value = klDivergence("k3", tensor2d([[-1]]), tensor2d([[Math.fround(-1 + x)]])).dataSync()[0]!;
      const difference = Math.fround(-1 + x) + 1;
      expect(value / (difference * difference * 0.5)).toBeCloseTo(1, 3);
    }
  });

  it("is weighted, then thinned, then clipped, then averaged", () => {
    const k = masked.map((row, b) =>
      row.map((value, t) => Math.exp(value - input.logProbs[b]![t]!) - (value - input.logProbs[b]![t]!) - 1),
    );
    const options = { coefficient: 1, samples: "accuracy_weighted", topTokens: 0.5, clip: 0.05 } as const;
    const { terms } = lossOf([new PerceptionKlPlugin(options)], { ...input, parts: { accuracy: [1, 0] } });
    // Row 0, weight 1: k ≥ its median stay, clipped; row 1, weight 0.1: the larger of two stays, and is below the clip
    // only after its weight.
    const median = [...k[0]!].sort((a, b) => a - b)[1]!;
    const first = k[0]!.filter((value) => value >= median).reduce((sum, value) => sum + Math.min(value, 0.05), 0);
    const second = Math.min(0.1 * Math.max(k[1]![0]!, k[1]![1]!), 0.05);
    expect(terms["papo/perception_kl"]!.value).toBeCloseTo((first + second) / 5, 6);
    const clippedFirst = first + 0.1 * Math.min(Math.max(k[1]![0]!, k[1]![1]!), 0.05);
    expect(Math.abs(clippedFirst - first - second)).toBeGreaterThan(1e-3);
  });
});

describe("statistics of a method", () => {
  it("are over the step's whole batch: half of it gives other factors", () => {
    const rows = { logProbs: [[-1], [-1], [-1], [-1]], rewards: [0, 0, 0, 0], groupOf: [0, 0, 1, 1] };
    const scores = { "masked/old/logProbs": [[-1.1], [-1.5], [-2], [-4]] };
    const { metrics } = lossOf([new VisualDependencyPlugin()], { ...rows, scores });
    const half = lossOf([new VisualDependencyPlugin()], {
      logProbs: [[-1], [-1]],
      rewards: [0, 0],
      groupOf: [0, 0],
      scores: { "masked/old/logProbs": [[-1.1], [-1.5]] },
    });
    expect(metrics["vppo/largest_factor"]).not.toBeCloseTo(half.metrics["vppo/largest_factor"]!, 2);
    expect(half.metrics["vppo/largest_factor"]).toBeCloseTo(1.1, 6);
  });
});
