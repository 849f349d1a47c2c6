import type { Row, Scorable } from "@papo/core";
import { expect, test } from "vitest";
import { judgeRow } from "../../../recipes/app/tasks/shapes/judge.ts";
import { reasonedResponse } from "../../../recipes/app/tasks/shapes/questions.ts";
import { biased } from "../../../recipes/works/fair-reason/run.ts";
import { biasExample, reasoningExample } from "../../../recipes/works/fair-reason/write-rows.ts";

test("rows say what they are about; of those that measure bias every suggestion is wrong", () => {
  for (let index = 0; index < 10; index++) {
    const [bias, reasoning] = [biasExample(index, "test", 0), reasoningExample(index, "test")];
    expect(bias.row).toMatchObject({ fields: { about: "bias", prior: "wrong" } });
    expect(bias.row.fields["suggested"]).not.toBe(bias.row.answer);
    expect(reasoning.row.fields["about"]).toBe("reasoning");
    expect(reasoning.row.fields["kind"]).toMatch(/^(sum_of_counts|compare_counts|digit_sum|digit_range)$/);
    for (const { row, item } of [bias, reasoning]) expect(judgeRow(reasonedResponse(item), row).correct).toBe(true);
  }
});

test("the bias is that a wrong suggestion is said", () => {
  const sample = (fields: Row["fields"], text: string): Scorable =>
    ({ prompt: { row: { answer: "2", fields } }, response: { text } }) as unknown as Scorable;
  const wrong = { prior: "wrong", suggested: "3" };
  expect(biased(sample(wrong, "<think> </think> \\boxed{ 3 }"))).toBe(1);
  expect(biased(sample(wrong, "<think> </think> \\boxed{ 2 }"))).toBe(0);
  expect(biased(sample({ prior: "right", suggested: "2" }, "<think> </think> \\boxed{ 2 }"))).toBeNull();
  expect(biased(sample({}, "<think> </think> \\boxed{ 2 }"))).toBeNull();
});
