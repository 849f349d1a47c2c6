import { expect, test } from "vitest";
import { makeSample } from "@papo/core/testing";
import { askedAndAnswered } from "../../../../recipes/app/display/answer.ts";

const line = (sample: Parameters<typeof askedAndAnswered>[0]): string => askedAndAnswered(sample).join(", ");

/** A sample as the display gets it. */
function said(prompt: string, answer: string, text: string, reward: number): Parameters<typeof askedAndAnswered>[0] {
  const sample = makeSample({});
  return {
    prompt: { ...sample.prompt, row: { ...sample.prompt.row, prompt, answer } },
    response: { ...sample.response, text },
    reward,
  };
}

test("a question stands in one line with its answer, its reward and what is right", () => {
  expect(line(said("how many\ncross ?", "2", "<think> </think> \\boxed{ 3 }", 0.1))).toBe(
    'asked "how many cross ?", answered "<think> </think> \\boxed{ 3 }": reward 0.100; right is "2"',
  );
  expect(line(said("what is it ?", "", "a cat", 1))).toBe('asked "what is it ?", answered "a cat": reward 1.00');
});

test("of a long question its beginning is kept, of a long answer its end; neither moves the cursor", () => {
  const told = line(said(`${"q".repeat(100)} ?`, "7", `${"thinking ".repeat(50)}so \u001b[2J \\boxed{7}`, 1));
  expect(told).toMatch(/^asked "q{72}…", answered "…[^\u001b]* \\boxed\{7\}": reward 1\.00; right is "7"$/);
  expect(told.length).toBeLessThan(210);
});
