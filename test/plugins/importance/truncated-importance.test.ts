import { lossOf, type MinibatchInput } from "@papo/core/testing";
import { ClippedObjectivePlugin, TruncatedImportancePlugin } from "@papo/plugins";
import { expect, it } from "vitest";

const input: MinibatchInput = {
  logProbs: [[-1, -1]],
  oldLogProbs: [[-1, -1]],
  advantages: [1],
  // Ratios 0.5 and 4.
  behaviourLogProbs: [[-1 + Math.log(2), -1 - Math.log(4)]],
};
const gradient = (options: ConstructorParameters<typeof TruncatedImportancePlugin>[0]): number[] =>
  lossOf([new ClippedObjectivePlugin({ reduction: "token_mean" }), new TruncatedImportancePlugin(options)], input)
    .gradients["original"]!["logProbs"]!.flat()
    .map((value) => Number((-2 * value).toFixed(5)));

it("weights tokens by the ratio to what was sampled from, at most C, or drops those beyond", () => {
  expect(gradient({ cap: 3 })).toEqual([0.5, 3]);
  expect(gradient({ cap: 3, beyond: "drop" })).toEqual([0.5, 0]);
  expect(gradient({ cap: 5 })).toEqual([0.5, 4]);
});

it("takes the product over a response, and compares with the sampler's full softmax when told so", () => {
  expect(gradient({ cap: 5, level: "sequence" })).toEqual([2, 2]);
  expect(gradient({ against: "sampler" })).toEqual([1, 1]);
});
