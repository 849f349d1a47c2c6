import { createHost } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { OverlongPenaltyPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

describe("OverlongPenaltyPlugin", () => {
  it.each([
    [15, 0, 0],
    [16, 0, 0],
    [17, -0.25, -0.25],
    [20, -1, -1],
    [22, -1.5, -1],
  ])("a response of %d tokens pays %d (flat: %d)", (length, linear, flat) => {
    expect(new OverlongPenaltyPlugin({ maxLength: 20, cache: 4 }).penalty(length)).toBe(linear);
    expect(new OverlongPenaltyPlugin({ maxLength: 20, cache: 4, beyond: "flat" }).penalty(length)).toBe(flat);
  });

  it("adds it to the rewards of a group and reports it", async () => {
    const host = createHost([new OverlongPenaltyPlugin({ maxLength: 20, cache: 4, factor: 2 })], { seed: 1 });
    const group = makeGroup({ samples: [makeSample({ length: 18 }), makeSample({ length: 3 })] });
    expect(await host.hooks.rewards.promise([1, 0.5], group)).toEqual([0, 0.5]);
    expect(host.takeMetrics()).toEqual({ "dapo/overlong_penalty": -0.5, "dapo/overlong_share": 0.5 });
  });

  it("needs a cache that fits", () => {
    expect(() => new OverlongPenaltyPlugin({ maxLength: 4, cache: 5 })).toThrow(
      'the option "cache" is 5, allowed is at most maxLength, 4',
    );
    expect(() => new OverlongPenaltyPlugin({} as never)).toThrow(
      'OverlongPenaltyPlugin: the option "maxLength" is missing, allowed is number',
    );
  });
});
