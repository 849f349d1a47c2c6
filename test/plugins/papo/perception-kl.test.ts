import { lossOf } from "@papo/core/testing";
import { PerceptionKlPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

/** One response; the same numbers stand for the masked view under old and current weights. */
const minibatch = (logProbs: number[], masked: number[], pictures = 1) => ({
  logProbs: [logProbs],
  scores: { "masked/old/logProbs": [masked], "masked/current/logProbs": [masked] },
  pictures: [pictures],
});
const k3 = (x: number): number => Math.exp(x) - x - 1;

describe("PerceptionKlPlugin", () => {
  it("pays γ·k3 per token, with gradient 1 − ρ on the original side", () => {
    const { loss, terms, gradients } = lossOf(
      [new PerceptionKlPlugin({ coefficient: 0.5 })],
      minibatch([-1, -2], [-1.5, -1.8]),
    );
    expect(terms["papo/perception_kl"]!.value).toBeCloseTo((k3(-0.5) + k3(0.2)) / 2, 6);
    expect(loss).toBeCloseTo((-0.5 * (k3(-0.5) + k3(0.2))) / 2, 6);
    const [first, second] = gradients["original"]!["logProbs"]![0]!;
    expect(first).toBeCloseTo((-0.5 / 2) * (1 - Math.exp(-0.5)), 6);
    expect(second).toBeCloseTo((-0.5 / 2) * (1 - Math.exp(0.2)), 6);
  });

  it("holds the masked side constant in official mode and sends it the opposite gradient in paper mode", () => {
    const official = lossOf([new PerceptionKlPlugin()], minibatch([-1], [-1.5]));
    const paper = lossOf([new PerceptionKlPlugin({ mode: "paper" })], minibatch([-1], [-1.5]));
    expect(Object.keys(official.gradients)).toEqual(["original"]);
    expect(paper.loss).toBe(official.loss);
    expect(paper.gradients["masked"]!["logProbs"]![0]![0]).toBe(-paper.gradients["original"]!["logProbs"]![0]![0]!);
  });

  it("is exact for policies that nearly agree", () => {
    const { loss } = lossOf([new PerceptionKlPlugin({ coefficient: 1 })], minibatch([-0.5], [-0.5 + 2 ** -20]));
    expect(-loss / 2 ** -41).toBeCloseTo(1, 5);
  });

  it("caps the divergence and has no gradient there", () => {
    const { loss, gradients, metrics } = lossOf(
      [new PerceptionKlPlugin({ coefficient: 1 })],
      minibatch([-9, -1], [-1, -1]),
    );
    expect(loss).toBeCloseTo(-5, 6);
    expect(gradients["original"]!["logProbs"]).toEqual([[0, 0]]);
    expect(metrics).toMatchObject({
      "papo/kl_saturated": 0.5,
      "papo/masking_raises": 0.5,
      "papo/perception_kl": 5,
      "papo/kl_variance": 25,
    });
    expect(lossOf([new PerceptionKlPlugin({ coefficient: 1, cap: null })], minibatch([-9], [-1])).loss).toBeCloseTo(
      -k3(8),
      2,
    );
  });

  it("lets the responses of a share stand for the others: in the mean over draws, loss and gradient are those of all", () => {
    const [own, other] = [
      [
        [-1, -2],
        [-1.2, -0.4],
        [-0.3, -0.9],
      ],
      [
        [-1.5, -1.8],
        [-0.2, -0.5],
        [-0.9, -1.4],
      ],
    ];
    const plugin = () => [new PerceptionKlPlugin({ coefficient: 1, share: 0.34 })];
    const of = (masked: number[][]) => lossOf(plugin(), { logProbs: own, scores: { "masked/old/logProbs": masked } });
    const whole = of(other);
    const draws = [0, 1, 2].map((kept) => of(other.map((row, index) => (index === kept ? row : [NaN, NaN]))));
    expect(draws.reduce((sum, { loss }) => sum + loss, 0) / 3).toBeCloseTo(whole.loss, 6);
    whole.gradients["original"]!["logProbs"]!.forEach((row, b) =>
      row.forEach((value, t) => {
        expect(
          draws.reduce((sum, { gradients }) => sum + gradients["original"]!["logProbs"]![b]![t]!, 0) / 3,
        ).toBeCloseTo(value, 6);
      }),
    );
    // What it reports is of the responses that were scored.
    expect(draws[0]!.metrics["papo/perception_kl"]).toBeCloseTo((k3(-0.5) + k3(0.2)) / 2, 6);
  });

  it("gives nothing for a prompt without pictures", () => {
    const { loss, gradients } = lossOf([new PerceptionKlPlugin({ mode: "paper" })], minibatch([-1], [-1.5], 0));
    expect(loss).toBeCloseTo(0, 12);
    expect(gradients).toEqual({ original: { logProbs: [[0]] }, masked: { logProbs: [[0]] } });
  });

  it("counts text-only tokens in the term's mean, and not in what it measures", () => {
    const both = {
      logProbs: [
        [-1, -1],
        [-1, -1],
      ],
      scores: {
        "masked/old/logProbs": [
          [-1.5, -1.5],
          [-1, -1],
        ],
      },
      pictures: [1, 0],
    };
    const { terms, metrics } = lossOf([new PerceptionKlPlugin()], both);
    expect(terms["papo/perception_kl"]!.value).toBeCloseTo(k3(-0.5) / 2, 6);
    expect(metrics["papo/perception_kl"]).toBeCloseTo(k3(-0.5), 6);
    expect(metrics["papo/kl_variance"]).toBeCloseTo(0, 6);
  });

  it("does not know a view that nobody registers", () => {
    expect(() => lossOf([new PerceptionKlPlugin({ view: "dark" })], minibatch([-1], [-1]))).toThrow(
      'PerceptionKlPlugin asks for the view "dark", and no plugin registers it: list RandomMaskPlugin in the recipe (registered are "original")',
    );
  });
});
