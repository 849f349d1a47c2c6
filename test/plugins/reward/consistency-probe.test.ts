import { createHost } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { ConsistencyProbePlugin, isConsistent } from "@papo/plugins";
import { describe, expect, it, test } from "vitest";

describe("ConsistencyProbePlugin", () => {
  const key = "original/reference/logProbs/probed answer";
  const samples = [
    "<think>3 + 4, so the answer is 7.</think> \\boxed{7}",
    "<think>The answer is 12.</think> \\boxed{7}",
    "<think>Hm.</think> \\boxed{7}",
    "<think>Hm.</think>",
  ].map((text, index) => makeSample({ index, text, answer: "7" }));
  const scores = { [key]: [[Math.log(0.5), Math.log(0.5)], [Math.log(0.25)], [Math.log(0.75)], []] };

  it("measures likelihood and consistency, and leaves the rewards as they are", async () => {
    const host = createHost([new ConsistencyProbePlugin()], { seed: 1 });
    host.beginStep({ step: 1, steps: 9 });
    expect(await host.hooks.rewards.promise([1, 1, 1, 0], makeGroup({ samples, scores }))).toEqual([1, 1, 1, 0]);
    const metrics = host.takeMetrics();
    expect(metrics["observe/answer_likelihood"]).toBeCloseTo((0.5 + 0.25 + 0.75 + 0) / 4, 6);
    expect(metrics["observe/consistency"]).toBe(0.5);
  });

  it("measures, and has scores computed, every so many steps alone", () => {
    const host = createHost([new ConsistencyProbePlugin({ every: 3 })], { seed: 1 });
    const active = [1, 2, 3, 4, 6].map((step) => {
      host.beginStep({ step, steps: 9 });
      return host.scores("rewards")[0]!.active;
    });
    expect(active).toEqual([true, false, true, false, true]);
  });
});

test.each([
  ["<think>so the answer is \\frac{1}{2}</think> \\boxed{0.5}", true],
  ["<think>\\boxed{3}, no: \\boxed{4}</think> The answer is 3.", false],
  ["<think>I see 3 cats and 2 dogs, 5 in all.</think> \\boxed{5}", null],
  ["no tags, the answer is 5", null],
  ["<think>the answer is 5</think> I give up", null],
])("%j is consistent: %j", (text, expected) => {
  expect(isConsistent(text)).toBe(expected);
});
