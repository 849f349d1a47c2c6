/**
 * Gradients of every differentiable plugin against central differences, on random minibatches; a ratio near a kink is
 * drawn again.
 */
import { createRandom, type Plugin, type Random } from "@papo/core";
import { lossOf, type MinibatchInput, type Rows } from "@papo/core/testing";
import {
  ClippedObjectivePlugin,
  CorrectSftPlugin,
  DoubleEntropyPlugin,
  DualViewKlPlugin,
  EntropyPenaltyPlugin,
  PerceptionKlPlugin,
  ReferenceKlPlugin,
  SequenceObjectivePlugin,
  SoftObjectivePlugin,
  WeightedObjectivePlugin,
} from "@papo/plugins";
import { describe, expect, it } from "vitest";

const [B, T] = [4, 5];

const plugins: readonly (() => Plugin)[] = [
  () => new ClippedObjectivePlugin({ clipHigh: 0.28 }),
  () => new ClippedObjectivePlugin({ dualClip: null, reduction: "token_mean" }),
  () => new SequenceObjectivePlugin({ clipLow: 0.2, clipHigh: 0.28 }),
  () => new SoftObjectivePlugin(),
  () => new ReferenceKlPlugin({ coefficient: 1, estimator: "k1" }),
  () => new ReferenceKlPlugin({ coefficient: 1, estimator: "k2" }),
  () => new ReferenceKlPlugin({ coefficient: 1, reduction: "sequence_sum" }),
  () => new PerceptionKlPlugin({ coefficient: 1, mode: "paper" }),
  () => new PerceptionKlPlugin({ coefficient: 1, mode: "paper", direction: "reverse", samples: "accuracy_weighted" }),
  () => new PerceptionKlPlugin({ coefficient: 1, mode: "paper", direction: "swapped" }),
  () => new DoubleEntropyPlugin({ original: 1, masked: 1, mode: "paper" }),
  () => new EntropyPenaltyPlugin({ coefficient: 1 }),
  () => new EntropyPenaltyPlugin({ coefficient: 1, estimate: "full", direction: "maximise" }),
  () => new CorrectSftPlugin({ coefficient: 1 }),
  () => new DualViewKlPlugin({ masked: 1, noisy: 1 }),
];

/** Arrays of a minibatch; ratios stay away from the clips, where a loss has no derivative. */
function minibatchFrom(random: Random): MinibatchInput {
  let next = 0;
  const draw = (low: number, high: number): number => low + (high - low) * random.uniform(next++);
  const rows = (value: (b: number, t: number) => number): number[][] =>
    Array.from({ length: B }, (_, b) => Array.from({ length: T }, (_, t) => value(b, t)));
  const logProbs = rows(() => draw(-2, -0.1));
  const near = (spread: number): Rows => logProbs.map((row) => row.map((value) => value + draw(-spread, spread)));
  const lengths = Array.from({ length: B }, () => 1 + Math.floor(draw(0, T)));
  return {
    logProbs,
    // Within ±0.12 of log-ratio no clip of 0.2 is near; the sequence's mean is nearer to 0 still.
    oldLogProbs: near(0.12),
    mask: rows((b, t) => Number(t < lengths[b]!)),
    advantages: Array.from({ length: B }, () => draw(-1.5, 1.5)),
    parts: { accuracy: [1, 0, 1, 0] },
    scores: {
      "original/reference/logProbs": near(1),
      "masked/current/logProbs": near(1),
      "masked/old/logProbs": near(1),
      "noisy/old/logProbs": near(1),
      "original/current/entropy": rows(() => draw(0.1, 2)),
    },
  };
}

/** The minibatch with one number of one array moved. */
function moved(input: MinibatchInput, key: string, at: number, by: number): MinibatchInput {
  const shift = (rows: Rows): number[][] =>
    rows.map((row, b) => row.map((value, t) => (b * T + t === at ? value + by : value)));
  if (key === "original/logProbs") return { ...input, logProbs: shift(input.logProbs) };
  const score = `${key.split("/")[0]}/current/${key.split("/")[1]}`;
  return { ...input, scores: { ...input.scores, [score]: shift(input.scores![score]!) } };
}

describe.each(
  plugins.map(
    (make) => [`${make().name} ${JSON.stringify((make() as unknown as { options: unknown }).options)}`, make] as const,
  ),
)("%s", (_name, make) => {
  it.each([1, 2, 3])("has the slopes of its loss, seed %i", (seed) => {
    const input = minibatchFrom(createRandom(seed).key(make().name));
    const { gradients } = lossOf([make()], input);
    let compared = 0;
    for (const [view, outputs] of Object.entries(gradients)) {
      for (const [output, rows] of Object.entries(outputs)) {
        rows.flat().forEach((gradient, at) => {
          const step = 1e-2;
          const loss = (by: number): number => lossOf([make()], moved(input, `${view}/${output}`, at, by)).loss;
          // Fourth order, so that a step large enough for float32 is exact enough.
          const slope = (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step);
          expect(Math.abs(slope - gradient), `${view}/${output} at ${at}: ${slope} and ${gradient}`).toBeLessThan(
            1e-4 + 1e-3 * Math.abs(gradient),
          );
          compared++;
        });
      }
    }
    expect(compared).toBeGreaterThanOrEqual(B * T);
  });
});

it("gives a weighted log-likelihood the gradient of its weights, which are constants", () => {
  const input = minibatchFrom(createRandom(9));
  const { gradients } = lossOf([new WeightedObjectivePlugin({ reduction: "constant_sum" })], {
    ...input,
    maxNewTokens: 1,
  });
  gradients["original"]!["logProbs"]!.forEach((row, b) =>
    row.forEach((gradient, t) => {
      const weight = Math.exp(input.logProbs[b]![t]! - input.oldLogProbs![b]![t]!) * (input.advantages as number[])[b]!;
      expect(gradient).toBeCloseTo(input.mask![b]![t] === 1 ? -weight : 0, 5);
    }),
  );
});
