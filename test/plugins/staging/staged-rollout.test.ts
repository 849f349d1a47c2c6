import { createHost } from "@papo/core";
import { StagedRolloutPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

describe("StagedRolloutPlugin", () => {
  it("has Vision-R1's stages by default, each until its share of the run", () => {
    const { hooks } = createHost([new StagedRolloutPlugin()], { seed: 1 });
    const at = (step: number) =>
      hooks.rollout.call({ shares: [{ view: "original", count: 3 }], maxNewTokens: 9 }, { step, steps: 100 });
    expect(at(1)).toEqual({ shares: [{ view: "original", count: 16 }], maxNewTokens: 4096 });
    expect(at(50).maxNewTokens).toBe(4096);
    expect(at(51)).toEqual({ shares: [{ view: "original", count: 8 }], maxNewTokens: 8192 });
    expect(at(100).maxNewTokens).toBe(8192);
  });

  it("refuses stages that do not rise to the end", () => {
    const stage = (until: number) => ({ until, maxNewTokens: 8, samplesPerPrompt: 2 });
    expect(() => new StagedRolloutPlugin({ stages: [stage(0.5), stage(0.5), stage(1)] })).toThrow(
      "the stages end at 0.5, 0.5, 1 of the run; they must rise, and the last must be 1",
    );
    expect(() => new StagedRolloutPlugin({ stages: [stage(0.5)] })).toThrow("the last must be 1");
  });
});
