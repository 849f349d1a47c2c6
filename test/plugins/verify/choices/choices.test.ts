import { Verifier, verifyAnswer } from "@papo/plugins";
import { expect, test } from "vitest";
import { choicesOf } from "../../../../plugins/verify/choices/choices.ts";

const choices = ["(A) 12 cm", "(B) 15 cm", "\\frac{1}{2}", "none"];
const of = (gold: string, answer: string) => verifyAnswer(gold, `So \\boxed{${answer}}`, choices).outcome;

test("a letter and what it stands for are one answer", () => {
  expect([...choicesOf(choices)!]).toEqual([
    ["A", "12 cm"],
    ["B", "15 cm"],
    ["C", "\\frac{1}{2}"],
    ["D", "none"],
  ]);
  for (const answer of ["B", "(B)", "\\text{B}", "B. 15 cm", "15 cm", "15\\text{ cm}", "15"])
    expect(of("B", answer), answer).toBe("right");
  for (const answer of ["A", "(A) 12 cm", "12 cm", "A, B", "16 cm"]) expect(of("B", answer), answer).not.toBe("right");
  expect(of("C", "0.5")).toBe("right");
  expect(of("\\frac{1}{2}", "C")).toBe("right");
  expect(of("(B) 15 cm", "B")).toBe("right");
  expect(verifyAnswer("B", "I do not know.", choices).outcome).toBe("no answer");
});

test("a text that two choices share decides nothing", () => {
  const twice = { A: "1/2", B: "0.5", C: "3" };
  expect(verifyAnswer("A", "\\boxed{0.5}", twice).outcome).toBe("wrong");
  expect(verifyAnswer("A", "\\boxed{A}", twice).outcome).toBe("right");
});

test("what is no list of choices is none", async () => {
  for (const value of [null, undefined, [], ["one"], ["a", { b: 1 }], 3, "AB"]) expect(choicesOf(value)).toBeNull();
  const verifier = new Verifier();
  expect((await verifier.verify("B", "\\boxed{15}", ["12", "15"])).outcome).toBe("right");
  expect((await verifier.verify("7", "\\boxed{7}", 3)).outcome).toBe("right");
  await verifier.close();
});
