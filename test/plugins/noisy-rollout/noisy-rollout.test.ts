import { createHost } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { NoisyRolloutPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const planned = (count: number, share = 0.5) =>
  createHost([new NoisyRolloutPlugin({ share })], { seed: 1, givenViews: ["noisy"] }).hooks.rollout.call(
    { shares: [{ view: "original", count }], maxNewTokens: 8 },
    { step: 1, steps: 2 },
  );

describe("NoisyRolloutPlugin", () => {
  it("samples a share of each group from the noisy view and the rest from the clean one", () => {
    expect(planned(12)).toEqual({
      shares: [
        { view: "original", count: 6 },
        { view: "noisy", count: 6 },
      ],
      maxNewTokens: 8,
    });
    expect(planned(4, 0.25).shares).toEqual([
      { view: "original", count: 3 },
      { view: "noisy", count: 1 },
    ]);
  });

  it("refuses a group that is too small for both", () => {
    expect(() => planned(1)).toThrow(
      'NoisyRolloutPlugin failed in hook "rollout": 0.5 of 1 responses is 1: both views need one at least; raise samplesPerPrompt',
    );
  });

  it("reports what either part earns and changes no reward", async () => {
    const host = createHost([new NoisyRolloutPlugin()], { seed: 1 });
    const samples = ["original", "noisy", "noisy"].map((view, index) => {
      const made = makeSample({ index });
      return { ...made, response: { ...made.response, view } };
    });
    expect(await host.hooks.rewards.promise([1, 0, 0.5], makeGroup({ samples }))).toEqual([1, 0, 0.5]);
    expect(host.takeMetrics()).toEqual({ "noisy/reward_clean": 1, "noisy/reward_noisy": 0.25 });
  });
});
