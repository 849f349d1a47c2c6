import { createHost, makeSample } from "@papo/core/testing";
import type { Plugin } from "@papo/core";
import { BoxRewardPlugin, LengthRewardPlugin, RepetitionRewardPlugin, StatedFactsRewardPlugin, StringRewardPlugin } from "@papo/plugins";
import { expect, test } from "vitest";
import { lastBoxed, normalised, repeatedShare } from "../../../plugins/reward/text-rewards.ts";

type Made = Parameters<typeof makeSample>[0] & { readonly fields?: Record<string, unknown>; readonly tokens?: readonly number[] };
const score = (plugin: Plugin, { fields = {}, tokens, ...made }: Made) => {
  const sample = makeSample(made);
  const scorable = { prompt: { ...sample.prompt, row: { ...sample.prompt.row, fields } }, response: tokens === undefined ? sample.response : { ...sample.response, tokens: Int32Array.from(tokens) } };
  return [...createHost([plugin], { seed: 1 }).scorers.values()][0]!.score(scorable, AbortSignal.timeout(1000));
};

test("strings are compared as asked, and a response without an answer is told from a wrong one", () => {
  const of = (text: string, options = {}) => score(new StringRewardPlugin(options), { text, answer: "The Eiffel Tower" });
  expect(of("\\boxed{eiffel  tower.}")).toEqual({ value: 1, note: "right" });
  expect(of("\\boxed{eiffel tower}", { match: "exact" })).toMatchObject({ value: 0 });
  expect(of("<answer> the Eiffel Tower </answer>", { from: "answer_tags", match: "normalised" })).toMatchObject({ value: 1 });
  expect(of("Eiffel tower!", { from: "response" })).toMatchObject({ value: 1 });
  expect(of("nothing")).toEqual({ value: 0, note: "no answer" });
  expect(of("\\boxed{Big Ben}")).toEqual({ value: 0, note: "wrong: Big Ben instead of The Eiffel Tower" });
  expect(normalised("An apple, 3.5 %  of a TREE.")).toBe("apple 3.5 % of tree");
});

test("the last box is read with its braces balanced, and only if it closes", () => {
  expect(lastBoxed("\\boxed{1} a \\boxed{{x}{y}} b}")).toBe("{x}{y}");
  expect(lastBoxed("\\boxed{}")).toBe("");
  expect(lastBoxed("\\boxed{open")).toBeNull();
});

test("lengths rise to 1, stay, and fade", () => {
  const of = (length: number) => score(new LengthRewardPlugin({ atLeast: 4, atMost: 10, fade: 5 }), { text: "", answer: "", tokens: Array.from({ length }, () => 1) });
  expect([0, 2, 4, 10, 11, 15, 40].map(of)).toEqual([0, 0.5, 1, 1, 0.8, 0, 0]);
  expect(() => new LengthRewardPlugin({ atLeast: 9, atMost: 8 })).toThrow("atLeast 9 is above atMost 8");
});

test("repetition is the share of n-grams that came before", () => {
  expect(repeatedShare([1, 2, 3, 1, 2, 3], 2)).toBeCloseTo(2 / 5, 12);
  expect(repeatedShare([1], 2)).toBe(0);
  expect(score(new RepetitionRewardPlugin({ n: 1 }), { text: "", answer: "", tokens: [5, 5, 5, 5] })).toBe(-0.75);
  expect(score(new RepetitionRewardPlugin(), { text: "", answer: "", tokens: [1, 2, 3, 4, 5] })).toBe(0);
});

test("boxes are matched one to one; a missing box and one too many cost", () => {
  const of = (text: string, options = {}, fields: Record<string, unknown> = {}) => score(new BoxRewardPlugin(options), { text, answer: "[[0, 0, 10, 10], [20, 20, 30, 30]]", fields });
  expect(of("[20,20,30,30] and (0, 0, 10, 10)")).toMatchObject({ value: 1 });
  expect(of("[0, 0, 10, 5]")).toMatchObject({ value: 0.25, note: "overlaps 0.50 of 1 found and 2 right" });
  expect(of("[0,0,10,10] [0,0,10,10] [20,20,30,30]")).toMatchObject({ value: 2 / 3 });
  expect(of("[0, 0, 10, 5]", { value: "threshold" })).toMatchObject({ value: 0.5 });
  expect(of("at [5, 5] and [50, 50]")).toMatchObject({ value: 0.5 });
  expect(of("nowhere")).toEqual({ value: 0, note: "no box" });
  expect(of("[1,1,3,3]", { column: "box" }, { box: [1, 1, 3, 3] })).toMatchObject({ value: 1 });
  expect(() => of("[1,1,3,3]", { column: "none" })).toThrow('has no box [x1, y1, x2, y2] in the column "none"');
});

test("facts are stated or missing; key steps count in their order", () => {
  const facts = ["AB = 5", ["right angle", "90 degrees"], "triangle ABC"];
  const of = (text: string, options = {}, column: unknown = facts) => score(new StatedFactsRewardPlugin(options), { text, answer: "", fields: { facts: column } });
  expect(of("In the Triangle ABC, AB = 5; there is a right angle.")).toEqual({ value: 1, note: "all stated" });
  expect(of("AB = 5 and 90 degrees.")).toEqual({ value: 1 - 1 / 3, note: "not stated: triangle ABC" });
  expect(of("AB = 52")).toMatchObject({ value: 0 });
  expect(of("triangle ABC, right angle, AB = 5", { inOrder: true })).toMatchObject({ value: 1 - 2 / 3 });
  expect(of("<think>AB = 5</think> triangle ABC", { within: ["<think>", "</think>"] })).toMatchObject({ value: 1 - 2 / 3 });
  expect(() => of("x", {}, "AB")).toThrow('needs a list of texts in the column "facts", found "AB"');
});
