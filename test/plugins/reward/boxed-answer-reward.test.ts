import { createHost } from "@papo/core";
import type { Plugin, ScoredPart, Scorer } from "@papo/core";
import { makeSample } from "@papo/core/testing";
import { BoxedAnswerRewardPlugin, lastBoxed, sameAnswer } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const scorer = (plugin: Plugin, name: string): Scorer => createHost([plugin], { seed: 1 }).scorers.get(name)!;
const score = async (text: string, answer: string): Promise<ScoredPart> =>
  (await scorer(new BoxedAnswerRewardPlugin(), "accuracy").score(makeSample({ text, answer }), AbortSignal.timeout(1000))) as ScoredPart;

describe("BoxedAnswerRewardPlugin", () => {
  it("registers a part with its weight", () => {
    expect(scorer(new BoxedAnswerRewardPlugin({ part: "right", weight: 2 }), "right")).toMatchObject({ name: "right", weight: 2 });
  });

  it.each([
    ["so \\boxed{ 8 }", "8", 1, "right"],
    ["\\boxed{7} no, \\boxed{8}", "8", 1, "right"],
    ["\\boxed{8.0}", "8", 1, "right"],
    ["\\boxed{\\frac{1}{2}}", "\\frac{1} {2}", 1, "right"],
    ["\\boxed{9}", "8", 0, "9 instead of 8"],
    ["8", "8", 0, "no \\boxed{…}"],
    ["\\boxed{8", "8", 0, "no \\boxed{…}"],
  ])("%s against %s", async (text, answer, value, note) => {
    expect(await score(text, answer)).toEqual({ value, note });
  });
});

describe("answers", () => {
  it("are taken from balanced braces", () => {
    expect(lastBoxed("a \\boxed{{x}{y}} b}")).toBe("{x}{y}");
    expect(lastBoxed("\\boxed{}")).toBe("");
  });

  it.each([
    ["1e2", "100", true],
    ["+3", "3", true],
    ["0x10", "16", false],
    ["", "0", false],
    ["", "", true],
    ["Infinity", "Infinity", true],
    ["red", "Red", false],
  ])("%j and %j: %s", (found, expected, same) => {
    expect(sameAnswer(found, expected)).toBe(same);
  });
});
