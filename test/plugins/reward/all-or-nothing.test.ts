import { createHost } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { AllOrNothingPlugin } from "@papo/plugins";
import { expect, it } from "vitest";

it("gives its value to responses that have every part, and nothing to others", async () => {
  const host = createHost([new AllOrNothingPlugin({ value: 2 })], { seed: 1 });
  const samples = [
    [1, 1],
    [1, 0],
    [0, 1],
    [0.5, 1],
  ].map(([accuracy, format], index) => makeSample({ index, parts: { accuracy: accuracy!, format: format! } }));
  expect(await host.hooks.rewards.promise([0.9, 0.9, 0.1, 0.5], makeGroup({ samples }))).toEqual([2, 0, 0, 0]);
  expect(host.takeMetrics()).toEqual({ "reward/all": 0.25 });
  await expect(
    host.hooks.rewards.promise([1], makeGroup({ samples: [makeSample({ parts: { accuracy: 1 } })] })),
  ).rejects.toThrow('the reward of prompt "prompt-0" has no part "format"; it has accuracy');
});
