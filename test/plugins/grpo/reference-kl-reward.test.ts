import { createHost } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { ReferenceKlRewardPlugin } from "@papo/plugins";
import { expect, it } from "vitest";

it("takes β times the response's divergence from the reference, summed or averaged, off the reward", async () => {
  const samples = [makeSample({ length: 2 }), makeSample({ index: 1, length: 1 })];
  const scores = { "original/old/logProbs": [[-1, -1], [-2]], "original/reference/logProbs": [[-2, -4], [-1.5]] };
  const shaped = async (options: ConstructorParameters<typeof ReferenceKlRewardPlugin>[0]) => {
    const host = createHost([new ReferenceKlRewardPlugin(options)], { seed: 1 });
    host.beginStep({ step: 1, steps: 2 });
    return host.hooks.rewards.promise([1, 1], makeGroup({ samples, scores }));
  };
  expect(await shaped({ coefficient: 0.5 })).toEqual([1 - 0.5 * 4, 1 + 0.25]);
  expect(await shaped({ coefficient: 0.5, over: "mean" })).toEqual([1 - 0.5 * 2, 1 + 0.25]);
  expect(await shaped({ coefficient: 0 })).toEqual([1, 1]);
});
