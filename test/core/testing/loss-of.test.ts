/** The public lossOf: defaults, messages, and gradients of whole recipes against central differences. */
import { createRandom } from "@papo/core";
import type { Plugin } from "@papo/core";
import { lossOf } from "@papo/core/testing";
import type { MinibatchInput } from "@papo/core/testing";
import {
  ClippedObjectivePlugin,
  DoubleEntropyPlugin,
  EntropyPenaltyPlugin,
  GroupAdvantagePlugin,
  PerceptionKlPlugin,
  ReferenceKlPlugin,
} from "@papo/plugins";
import { memory } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

describe("lossOf", () => {
  it("needs only log-probs: old ones are the same, all tokens count, advantages are those of the rewards", () => {
    const { loss, advantages, terms } = lossOf(
      [new GroupAdvantagePlugin({ normalise: false }), new ClippedObjectivePlugin()],
      { logProbs: [[-1], [-2]], rewards: [3, 1] },
    );
    expect(advantages).toEqual([[1], [-1]]);
    expect(loss).toBe(0);
    expect(terms["policy"]!.plugin).toBe("ClippedObjectivePlugin");
  });

  it("says what does not fit", () => {
    expect(() => lossOf([], { logProbs: [] })).toThrow(
      "logProbs is 0 × 0; a minibatch needs at least one response of one token",
    );
    expect(() => lossOf([], { logProbs: [[-1, -2]], mask: [[1]] })).toThrow(
      '"mask" is 1 × 1, logProbs is 1 × 2; all arrays must have one shape',
    );
  });

  it("leaves no tensor behind", () => {
    const run = () =>
      lossOf([new ClippedObjectivePlugin(), new ReferenceKlPlugin()], {
        logProbs: [[-1]],
        scores: { "original/reference/logProbs": [[-2]] },
      });
    run();
    const before = memory().numTensors;
    run();
    expect(memory().numTensors).toBe(before);
  });
});

/** Away from the kinks of clips, so that differences see what derivatives say. */
function randomMinibatch(seed: number): MinibatchInput {
  const random = createRandom(seed);
  const rows = (name: string, low: number, high: number): number[][] =>
    Array.from({ length: 4 }, (_, row) =>
      Array.from({ length: 5 }, (_, token) => low + (high - low) * random.key(name).uniform(row * 5 + token)),
    );
  const logProbs = rows("current", -3, -0.2);
  const near = (name: string, distance: number): number[][] => {
    const shift = rows(name, -distance, distance);
    return logProbs.map((row, index) => row.map((value, token) => value + shift[index]![token]!));
  };
  return {
    logProbs,
    oldLogProbs: near("old", 0.15),
    mask: Array.from({ length: 4 }, (_, row) => Array.from({ length: 5 }, (_, token) => (token <= row + 1 ? 1 : 0))),
    advantages: [1, -1, 0.5, -2],
    scores: {
      "original/reference/logProbs": near("reference", 1),
      "masked/current/logProbs": near("masked", 1),
      "original/current/entropy": rows("entropy", 0, 2),
    },
  };
}

describe("gradients", () => {
  const recipes: readonly (readonly [string, () => Plugin[]])[] = [
    ["clipped objective, token mean", () => [new ClippedObjectivePlugin({ reduction: "token_mean" })]],
    [
      "clipped objective, sequence mean, with k3",
      () => [new ClippedObjectivePlugin(), new ReferenceKlPlugin({ coefficient: 0.5 })],
    ],
    ["k2 without clamps", () => [new ReferenceKlPlugin({ estimator: "k2", clamp: false, reduction: "constant" })]],
    [
      "perception in paper mode",
      () => [
        new PerceptionKlPlugin({ mode: "paper", coefficient: 0.7 }),
        new DoubleEntropyPlugin({ mode: "paper", original: 0.3, masked: 0.2 }),
      ],
    ],
    ["full entropy", () => [new EntropyPenaltyPlugin({ estimate: "full", coefficient: 0.4 })]],
  ];

  it.each(recipes)("%s: equal to central differences", (_name, plugins) => {
    const minibatch = randomMinibatch(11);
    const { gradients } = lossOf(plugins(), minibatch);
    // Float32 log-probs: a step of 2⁻⁷ leaves a truncation of 1e-5 and a rounding of about as much.
    const step = 2 ** -7;
    const inputs: readonly (readonly [string, string, readonly (readonly number[])[] | undefined])[] = [
      ["original", "logProbs", minibatch.logProbs],
      ["original", "entropy", gradients["original"]!["entropy"] && minibatch.scores!["original/current/entropy"]],
      ["masked", "logProbs", gradients["masked"] && minibatch.scores!["masked/current/logProbs"]],
    ];
    for (const [view, output, rows] of inputs) {
      rows?.forEach((row, at) =>
        row.forEach((_, token) => {
          const moved = (by: number) => {
            const changed = rows.map((values, index) =>
              values.map((value, position) => (index === at && position === token ? value + by : value)),
            );
            const key = `${view}/current/${output}`;
            return lossOf(
              plugins(),
              key === "original/current/logProbs"
                ? { ...minibatch, logProbs: changed }
                : { ...minibatch, scores: { ...minibatch.scores, [key]: changed } },
            ).loss;
          };
          const difference = (moved(step) - moved(-step)) / (2 * step);
          expect
            .soft(gradients[view]![output]![at]![token], `${view}/${output} ${at},${token}`)
            .toBeCloseTo(difference, 4);
        }),
      );
    }
  });
});
