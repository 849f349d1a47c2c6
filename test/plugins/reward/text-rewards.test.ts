import { createHost, makeSample } from "@papo/core/testing";
import type { Plugin } from "@papo/core";
import {
  BoxRewardPlugin,
  FormatRewardPlugin,
  LengthRewardPlugin,
  ModuleRewardPlugin,
  RepetitionRewardPlugin,
  StatedFactsRewardPlugin,
  StringRewardPlugin,
} from "@papo/plugins";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../support/bandit.ts";
import { normalised, repeatedShare } from "../../../plugins/reward/thread/scores.ts";

type Made = Parameters<typeof makeSample>[0] & {
  readonly fields?: Record<string, unknown>;
  readonly tokens?: readonly number[];
};
const score = async (plugin: Plugin, { fields = {}, tokens, ...made }: Made) => {
  const sample = makeSample(made);
  const scorable = {
    prompt: { ...sample.prompt, row: { ...sample.prompt.row, fields } },
    response: tokens === undefined ? sample.response : { ...sample.response, tokens: Int32Array.from(tokens) },
  };
  return [...createHost([plugin], { seed: 1 }).scorers.values()][0]!.score(scorable, AbortSignal.timeout(1000));
};

test("strings are compared as asked, and a response without an answer is told from a wrong one", async () => {
  const of = (text: string, options = {}) =>
    score(new StringRewardPlugin(options), { text, answer: "The Eiffel Tower" });
  expect(await of("\\boxed{eiffel  tower.}")).toEqual({ value: 1, note: "right" });
  expect(await of("\\boxed{eiffel tower}", { match: "exact" })).toMatchObject({ value: 0 });
  expect(await of("<answer> the Eiffel Tower </answer>", { from: "answer_tags", match: "normalised" })).toMatchObject({
    value: 1,
  });
  expect(await of("Eiffel tower!", { from: "response" })).toMatchObject({ value: 1 });
  expect(await of("nothing")).toEqual({ value: 0, note: "no answer" });
  expect(await of("\\boxed{1} a \\boxed{{eiffel}{tower}} b}")).toEqual({ value: 1, note: "right" });
  expect(await of("\\boxed{open")).toEqual({ value: 0, note: "no answer" });
  expect(await of("\\boxed{Big Ben}")).toEqual({ value: 0, note: "wrong: Big Ben instead of The Eiffel Tower" });
  expect(normalised("An apple, 3.5 %  of a TREE.")).toBe("apple 3.5 % of tree");
});

test("lengths rise to 1, stay, and fade", async () => {
  const of = (length: number) =>
    score(new LengthRewardPlugin({ atLeast: 4, atMost: 10, fade: 5 }), {
      text: "",
      answer: "",
      tokens: Array.from({ length }, () => 1),
    });
  expect(await Promise.all([0, 2, 4, 10, 11, 15, 40].map(of))).toEqual([0, 0.5, 1, 1, 0.8, 0, 0]);
  expect(() => new LengthRewardPlugin({ atLeast: 9, atMost: 8 })).toThrow("atLeast 9 is above atMost 8");
});

test("repetition is the share of n-grams that came before", async () => {
  expect(repeatedShare([1, 2, 3, 1, 2, 3], 2)).toBeCloseTo(2 / 5, 12);
  expect(repeatedShare([1], 2)).toBe(0);
  expect(await score(new RepetitionRewardPlugin({ n: 1 }), { text: "", answer: "", tokens: [5, 5, 5, 5] })).toBe(-0.75);
  expect(await score(new RepetitionRewardPlugin(), { text: "", answer: "", tokens: [1, 2, 3, 4, 5] })).toBe(0);
});

test("boxes are matched one to one; a missing box and one too many cost", async () => {
  const of = (text: string, options = {}, fields: Record<string, unknown> = {}) =>
    score(new BoxRewardPlugin(options), { text, answer: "[[0, 0, 10, 10], [20, 20, 30, 30]]", fields });
  expect(await of("[20,20,30,30] and (0, 0, 10, 10)")).toMatchObject({ value: 1 });
  expect(await of("[0, 0, 10, 5]")).toMatchObject({ value: 0.25, note: "overlaps 0.50 of 1 found and 2 right" });
  expect(await of("[0,0,10,10] [0,0,10,10] [20,20,30,30]")).toMatchObject({ value: 2 / 3 });
  expect(await of("[0, 0, 10, 5]", { value: "threshold" })).toMatchObject({ value: 0.5 });
  expect(await of("at [5, 5] and [50, 50]")).toMatchObject({ value: 0.5 });
  expect(await of("nowhere")).toEqual({ value: 0, note: "no box" });
  expect(await of("[1,1,3,3]", { column: "box" }, { box: [1, 1, 3, 3] })).toMatchObject({ value: 1 });
  await expect(of("[1,1,3,3]", { column: "none" })).rejects.toThrow('has no box [x1, y1, x2, y2] in the column "none"');
});

test("facts are stated or missing; key steps count in their order", async () => {
  const facts = ["AB = 5", ["right angle", "90 degrees"], "triangle ABC"];
  const of = (text: string, options = {}, column: unknown = facts) =>
    score(new StatedFactsRewardPlugin(options), { text, answer: "", fields: { facts: column } });
  expect(await of("In the Triangle ABC, AB = 5; there is a right angle.")).toEqual({ value: 1, note: "all stated" });
  expect(await of("AB = 5 and 90 degrees.")).toEqual({ value: 1 - 1 / 3, note: "not stated: triangle ABC" });
  expect(await of("AB = 52")).toMatchObject({ value: 0 });
  expect(await of("triangle ABC, right angle, AB = 5", { inOrder: true })).toMatchObject({ value: 1 - 2 / 3 });
  expect(await of("<think>AB = 5</think> triangle ABC", { within: ["<think>", "</think>"] })).toMatchObject({
    value: 1 - 2 / 3,
  });
  await expect(of("x", {}, "AB")).rejects.toThrow('needs a list of texts in the column "facts", found "AB"');
});

test("a function of one's own runs in a thread that is killed when it hangs; those behind it are scored", async () => {
  const module = join(temporaryFolder(), "reward.ts");
  writeFileSync(
    module,
    `
    export default ({ prompt, response }: { prompt: { row: { fields: { letters: number } } }; response: { text: string; tokens: Int32Array } }, { bonus }: { bonus: number }) => {
      if (response.text === "hang") for (;;);
      if (response.text === "throw") throw new Error("no such thing");
      return { value: response.text.length - prompt.row.fields.letters + bonus, note: \`\${response.tokens.length} tokens\` };
    };
  `,
  );
  const plugin = new ModuleRewardPlugin({ part: "own", module, options: { bonus: 10 }, limit: 700 });
  const of = (text: string) => score(plugin, { text, answer: "", fields: { letters: 3 }, tokens: [1, 2] });
  const [first, hung, thrown, last] = await Promise.allSettled([of("abcd"), of("hang"), of("throw"), of("ab")]);
  expect(first).toEqual({ status: "fulfilled", value: { value: 11, note: "2 tokens" } });
  expect(hung).toMatchObject({ status: "rejected", reason: { message: "the response was not scored within 700 ms" } });
  expect(thrown).toMatchObject({ status: "rejected", reason: { message: "no such thing" } });
  expect(last).toEqual({ status: "fulfilled", value: { value: 9, note: "2 tokens" } });
  await expect(
    score(new ModuleRewardPlugin({ part: "own", module, export: "other" }), { text: "", answer: "" }),
  ).rejects.toThrow('exports no function "other"');
});

test("text that is made to be slow is scored within its time", async () => {
  const slow = "<think>" + "</think>\\boxed{".repeat(20_000) + " ".repeat(100_000);
  expect(await score(new FormatRewardPlugin(), { text: slow, answer: "" })).toBe(0);
  expect(await score(new FormatRewardPlugin(), { text: `${slow}}`, answer: "" })).toBe(1);
  expect(await score(new StringRewardPlugin(), { text: slow, answer: "1" })).toMatchObject({ value: 0 });
});
