import { lossOf, type MinibatchInput } from "@papo/core/testing";
import { ClippedObjectivePlugin, EntropyPenaltyPlugin, OverlongFilterPlugin } from "@papo/plugins";
import { expect, it } from "vitest";

const input: MinibatchInput = {
  logProbs: [
    [-1, -1, -1],
    [-1, -1, 0],
  ],
  mask: [
    [1, 1, 1],
    [1, 1, 0],
  ],
  advantages: [1, 1],
  finish: ["length", "stop"],
};
const gradient = (
  options: ConstructorParameters<typeof OverlongFilterPlugin>[0],
  reduction: "token_mean" | "sequence_mean_nonempty",
): number[] =>
  lossOf([new ClippedObjectivePlugin({ reduction }), new OverlongFilterPlugin(options)], input).gradients["original"]![
    "logProbs"
  ]!.flat();

it("leaves cut responses out, and the mean is over what is asked for", () => {
  expect(gradient({ denominator: "all" }, "token_mean")).toEqual([0, 0, 0, -0.2, -0.2, 0].map(Math.fround));
  expect(gradient({ denominator: "kept_tokens" }, "token_mean")).toEqual([0, 0, 0, -0.5, -0.5, 0]);
  expect(gradient({ denominator: "kept_responses" }, "sequence_mean_nonempty")).toEqual([0, 0, 0, -0.5, -0.5, 0]);
});

it("acts on the terms it is told, on all by default, and leaves nothing where nothing is kept", () => {
  const recipe = (terms: string[] | null) => [
    new ClippedObjectivePlugin({ reduction: "token_mean" }),
    new EntropyPenaltyPlugin({ coefficient: 1 }),
    new OverlongFilterPlugin({ terms }),
  ];
  const { terms, metrics } = lossOf(recipe(["policy"]), input);
  expect([terms["policy"]!.value, terms["entropy"]!.value]).toEqual([-1, 1]);
  expect(terms["policy"]!.share).toBeCloseTo(0.4, 6);
  expect(metrics["dapo/filtered"]).toBe(0.5);
  expect(lossOf(recipe(null), input).terms["entropy"]!.share).toBeCloseTo(0.4, 6);
  expect(lossOf(recipe(null), { ...input, finish: ["length", "length"] }).loss).toBe(0);
});
