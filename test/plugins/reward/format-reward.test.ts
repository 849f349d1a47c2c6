import { createHost } from "@papo/core";
import { makeSample } from "@papo/core/testing";
import { FormatRewardPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

describe("FormatRewardPlugin", () => {
  const scorer = createHost([new FormatRewardPlugin()], { seed: 1 }).scorers.get("format")!;
  it.each([
    ["<think> 3 + 5 = 8 </think> \\boxed{ 8 }", 1],
    ["<think>\n3\n</think>\nSo \\boxed{8}.", 1],
    [" < think > 3 < / think > \\boxed{8}", 1],
    ["<think></think>\\boxed{}", 1],
    ["3 </think> \\boxed{8}", 0],
    ["<think> \\boxed{8}", 0],
    ["<think> 3 </think> 8", 0],
    ["Well, <think> 3 </think> \\boxed{8}", 0],
    ["", 0],
  ])("%j gives %d", async (text, value) => {
    expect(await scorer.score(makeSample({ text }), AbortSignal.timeout(1000))).toBe(value);
  });
});
