import { expect, test } from "vitest";
import { offendingLines, projectFiles } from "./project-files.ts";

const algorithms = /\b(?:grpo|dapo|papo|apo|vppo|gspo|cispo|rloo|reinforce)\b/i;

/** The product is called like one of the algorithms: its packages and its command may be named. */
const withoutProductName = (line: string): string =>
  line
    .replaceAll(/@papo\/[a-z]+/g, "")
    .replaceAll(/\bpapo (?:train|sft|demo|doctor|setup|eval|export|plan|<command>)/g, "");

const names = (line: string): boolean => algorithms.test(withoutProductName(line));

test("core names no algorithm", () => {
  const files = projectFiles().filter((path) => path.startsWith("core/"));
  expect(files.length).toBeGreaterThan(10);
  expect(offendingLines(files, names)).toEqual([]);
});

test("the search finds names and lets the product's own pass", () => {
  expect(names("if (recipe === 'grpo')")).toBe(true);
  expect(names("// as PAPO does")).toBe(true);
  expect(names('import { x } from "@papo/core";')).toBe(false);
  expect(names("run `papo doctor`")).toBe(false);
});
