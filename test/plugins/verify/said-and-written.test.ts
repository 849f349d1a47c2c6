/** Answers as people and models say and write them, right and wrong: [gold, response, the question's choices]. */
import { describe, expect, it, test } from "vitest";
import { verifyAnswer } from "../../../plugins/verify/verify-answer.ts";
import { readingsOf } from "../../../plugins/verify/notation/readings.ts";

type Case = readonly [gold: string, response: string, choices?: readonly string[]];
const outcome = ([gold, response, choices]: Case): string => verifyAnswer(gold, response, choices).outcome;
const balls = ["red ball", "blue ball", "green ball", "none of these"];

const right: Readonly<Record<string, readonly Case[]>> = {
  "said in a sentence": [
    ["square", "The shape is a square."],
    ["left", "It is on the left."],
    ["A", "It is the red ball.", balls],
    ["4", "It is 4, not 5."],
    ["4", "The total is 4 rather than 5."],
    ["B", "The best choice is not A but B."],
    ["B", "### Answer\nB"],
    ["5", "**Final answer**\n\n5"],
    ["42", "6 times 7 is 42\n#### 42"],
  ],
  "number words": [
    ["-3", "minus three"],
    ["1000", "one thousand"],
    ["12500", "twelve thousand five hundred"],
    ["1/2", "The probability is one half."],
    ["\\frac{3}{4}", "\\boxed{three quarters}"],
  ],
  units: [
    ["2 h", "\\boxed{120 min}"],
    ["1 l", "\\boxed{1000 \\text{ cm}^3}"],
    ["$1.50", "\\boxed{150 cents}"],
    ["\\$7", "It costs $7."],
    ["5 Ω", "\\boxed{5 \\text{ ohms}}"],
    ["7 years", "\\boxed{7 \\text{ years old}}"],
  ],
  "functions of degrees and logarithms": [
    ["\tan 45^\\circ", "\\boxed{1}"],
    ["\\sin(30^\\circ)", "\\boxed{\\frac12}"],
    ["\\cos 60°", "\\boxed{0.5}"],
    ["\\log_4 8", "\\boxed{\\frac32}"],
    ["\\log_{\\frac12} 8", "\\boxed{-3}"],
  ],
};
const wrong: Readonly<Record<string, readonly Case[]>> = {
  "said in a sentence": [
    ["5", "I think it is not 5."],
    ["5", "The answer cannot be 5."],
    ["5", "It is 4, not 5."],
    ["3", "答案不是3。"],
    ["3", "I can't tell whether it is 3."],
    ["A", "The best choice is not A but B."],
    ["A", "It is not the red ball.", balls],
    ["the cat", "It is a cat."],
  ],
  "several choices": [
    ["A", "\\boxed{(A) and (C)}"],
    ["A", "(A) and (C)"],
    ["A", "\\boxed{(A), (C)}"],
  ],
  "numbers with commas and points": [
    ["1,234", "\\boxed{1.234}"],
    ["1.234", "\\boxed{1,234}"],
    ["12,345,678", "\\boxed{12.345678}"],
  ],
  units: [
    ["$7", "\\boxed{7 cents}"],
    ["$7", "\\boxed{7 \\text{ apples}}"],
    ["5\\%", "\\boxed{5 cm}"],
    ["third", "\\boxed{1/3}"],
  ],
  "functions of degrees and logarithms": [
    ["\\sin 30^\\circ", "\\boxed{\\sin 30}"],
    ["\\log_2 9", "\\boxed{3}"],
    ["\\log_2 9", "\\boxed{3.17}"],
  ],
};

describe("right", () => {
  it.each(Object.entries(right))("%s", (_kind, cases) => {
    expect(cases.filter((one) => outcome(one) !== "right")).toEqual([]);
  });
});

describe("wrong", () => {
  it.each(Object.entries(wrong))("%s", (_kind, cases) => {
    expect(cases.filter((one) => outcome(one) === "right")).toEqual([]);
  });
});

test("a text is read once, and in as many ways as it is ambiguous", () => {
  expect(readingsOf("\\frac{3}{7}")).toBe(readingsOf("\\frac{3}{7}"));
  expect(readingsOf("0,125")).toHaveLength(2);
  // In a set a comma parts.
  expect(readingsOf("\\{1,2\\}")).toHaveLength(1);
  expect(readingsOf("5 m")).toHaveLength(2);
});
