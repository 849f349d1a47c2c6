import { createHost } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { SecondHopRewardPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

describe("SecondHopRewardPlugin", () => {
  it("asks the question again with the description instead of the picture", () => {
    const host = createHost([new SecondHopRewardPlugin({ prompt: "{description} | {question}" })], { seed: 1 });
    const made = makeSample({ text: "<description>two cats</description>" });
    const sample = { ...made, prompt: { ...made.prompt, row: { ...made.prompt.row, prompt: "<image>How many?" } } };
    expect(host.auxiliary.get("second-hop")!.prompt(sample)).toEqual({
      prompt: "two cats | How many?",
      system: null,
      pictures: [],
    });
    expect(
      host.auxiliary
        .get("second-hop")!
        .prompt({ ...sample, response: { ...sample.response, rawText: "<description></description>" } }),
    ).toBeNull();
  });

  it("adds the second answer's accuracy by its weight, where there is one", async () => {
    const host = createHost([new SecondHopRewardPlugin({ weight: 0.5 })], { seed: 1 });
    const samples = [0, 1, 2].map((index) => makeSample({ index }));
    const second = (accuracy: number) => makeSample({ parts: { accuracy } });
    const group = makeGroup({ samples, auxiliary: { "second-hop": [[second(1)], [second(0)], []] } });
    expect(await host.hooks.rewards.promise([1, 1, 1], group)).toEqual([1.5, 1, 1]);
    expect(host.takeMetrics()).toEqual({ "second_hop/accuracy": 0.5, "second_hop/described": 2 / 3 });
    const wrong = makeGroup({
      samples: [samples[0]!],
      auxiliary: { "second-hop": [[makeSample({ parts: { match: 1 } })]] },
    });
    await expect(host.hooks.rewards.promise([1], wrong)).rejects.toThrow(
      'the reward of prompt "prompt-0" has no part "accuracy"; it has match',
    );
  });
});
