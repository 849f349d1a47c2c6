import { createHost } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { ConsistencyBonusPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { tabularProcessor } from "../../support/tabular-policy.ts";

describe("ConsistencyBonusPlugin", () => {
  it("finds those accurate and not below their group's mean, and of them the likely ones", () => {
    const plugin = new ConsistencyBonusPlugin({ margin: 0.01 });
    // Mean accuracy 0.5: the third is wrong, the fourth below the mean. Mean likelihood of the first two 0.7.
    expect(plugin.consistent([1, 0.6, 0, 0.4], [0.9, 0.5, 0.99, 0.99])).toEqual([true, false, false, false]);
    // Within the margin of their mean.
    expect(plugin.consistent([1, 1], [0.7, 0.69])).toEqual([true, true]);
    expect(plugin.consistent([0, 0.05], [0.9, 0.9])).toEqual([false, false]);
  });

  it("adds half of the accuracy for likelihoods exp(mean log π), capped; an answer that is missing has none", async () => {
    const host = createHost([new ConsistencyBonusPlugin({ cap: 0.95 })], { seed: 1 });
    const samples = [1, 1, 1, 0].map((accuracy, index) => makeSample({ index, parts: { accuracy } }));
    // 0.99 → 0.95, 0.94, none → 0: the accurate ones' mean is 0.63.
    const scores = { "original/ema/logProbs/answer": [[Math.log(0.99)], [Math.log(0.94), Math.log(0.94)], [], [0]] };
    expect(await host.hooks.rewards.promise([1, 1, 1, 0], makeGroup({ samples, scores }))).toEqual([1.5, 1.5, 1, 0]);
    const metrics = host.takeMetrics();
    expect(metrics["care/consistent"]).toBe(0.5);
    expect(metrics["care/likelihood"]).toBeCloseTo((0.95 + 0.94 + 0 + 0.95) / 4, 6);
  });

  it("scores the tokens between the marks, after what comes before them, under the averaged weights", () => {
    const host = createHost([new ConsistencyBonusPlugin({ open: "b", close: "e", decay: 0.9, every: 3 })], { seed: 1 });
    expect([...host.copies.values()]).toEqual([{ name: "ema", decay: 0.9, every: 3 }]);
    const [score] = host.scores("rewards");
    const of = (text: string) => {
      const made = makeSample({ text });
      return score!.target!.of(
        { ...made, response: { ...made.response, tokens: tabularProcessor.encodeText(text) } },
        tabularProcessor,
      );
    };
    const letters = (text: string): number[] => [...tabularProcessor.encodeText(text)];
    expect([of("abcdef").given, [...of("abcdef").tokens]]).toEqual([2, letters("cd")]);
    expect([...of("abcd").tokens]).toEqual(letters("cd"));
    expect([...of("acd").tokens]).toEqual([]);
  });
});
