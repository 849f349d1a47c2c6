import { expect, test } from "vitest";
import { answerClasses } from "../../../plugins/verify/answer-classes.ts";

test("answers that the verifier takes for the same are one class, named by the first", () => {
  const given = [
    "1/2",
    "0.5",
    "\\frac{1}{2}",
    "x = 0.5",
    "２",
    "2",
    "Red",
    "red.",
    "(1, 2)",
    "(2, 1)",
    "\\{1,2\\}",
    "2, 1",
  ];
  expect(answerClasses(given)).toEqual([
    "1/2",
    "1/2",
    "1/2",
    "1/2",
    "２",
    "２",
    "Red",
    "Red",
    "(1, 2)",
    "(2, 1)",
    "\\{1,2\\}",
    "\\{1,2\\}",
  ]);
  expect(answerClasses(["5 cm", "5 kg", "50 mm", "5", "(a+b)^2", "a^2+2ab+b^2", "a^2+b^2", "B", "(B)"])).toEqual([
    "5 cm",
    "5 kg",
    "5 cm",
    "5 cm",
    "(a+b)^2",
    "(a+b)^2",
    "a^2+b^2",
    "B",
    "B",
  ]);
  expect(answerClasses(["?!{{", "?!{{", "$$ \\nope", ""])).toEqual(["?!{{", "?!{{", "$$ \\nope", ""]);
});

test("a thousand different answers are compared with few", () => {
  const given = Array.from({ length: 1024 }, (_, index) => (index % 2 === 0 ? `${index / 2}/4` : `${(index - 1) / 8}`));
  expect(new Set(answerClasses(given)).size).toBe(512);
});
