import { restoreCommands } from "@papo/plugins";
import { expect, test } from "vitest";

test.each([
  ["\frac{1}{2}", "\\frac{1}{2}", 1],
  ["2 \times \frac12", "2 \\times \\frac12", 2],
  ["\beta + \theta", "\\beta + \\theta", 2],
  ["x \neq 3", "x \\neq 3", 1],
  ["\rho", "\\rho", 1],
  ["\u0007lpha", "\\alpha", 1],
])("%j gets its backslashes back", (lost, text, count) => expect(restoreCommands(lost)).toEqual({ text, count }));

test.each(["a\tb", "name\ttimeout", "red\nnot blue", "first line\nnext line", "1\n2", "a\r\nb", "\\frac12"])(
  "%j lost none",
  (text) => expect(restoreCommands(text)).toEqual({ text, count: 0 }),
);
