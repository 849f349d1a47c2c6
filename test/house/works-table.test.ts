import { expect, test } from "vitest";
import { cellOf, shareOf } from "../../docs/scripts/works-table.ts";
import { questionOf } from "../support/questions.ts";

test("a share counts the answers that have the measure, and a cell has the mean with each seed's value", () => {
  const questions = [
    questionOf("a", { parts: { fooled: 1 } }),
    questionOf("b", { parts: { fooled: 0 } }),
    questionOf("c"),
    questionOf("d", { parts: { fooled: 0 } }),
    questionOf("e", { parts: { fooled: 0 } }),
  ];
  expect(shareOf(questions, ({ parts }) => parts["fooled"])).toBe(25);
  expect(shareOf(questions, ({ parts }) => parts["absent"])).toBeNull();
  expect([cellOf([25, 50, 60]), cellOf([25]), cellOf([null]), cellOf([null, 25, 50])]).toEqual([
    "45.0 (25, 50, 60)",
    "25.0",
    "–",
    "37.5 (25, 50)",
  ]);
});
