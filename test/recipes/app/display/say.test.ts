import { causeOf, printable, quoted, shown } from "@papo/core";
import { expect, test } from "vitest";
import { projectFiles, projectText } from "../../../house/project-files.ts";

test("what steers a terminal is spelled out, and text of any language stays", () => {
  expect(printable("a\u001b]0;title\u0007\u001b[31mred\u009b2J\rb\u202eright\u2066 x")).toBe(
    "a\\x1b]0;title\\x07\\x1b[31mred\\x9b2J\\x0db\\u202eright\\u2066 x",
  );
  expect(printable("größer 日本語 🙂 ∑\n\tnext")).toBe("größer 日本語 🙂 ∑\n\tnext");
  expect(quoted("  two\nlines \u001b[0m ".repeat(100), 20)).toBe("two lines \\x1b[0m tw…");
  expect(shown({ text: "\u202e", data: "A".repeat(200) })).toBe('{"text":"\\u202e","data":"[200 characters of data]"}');
});

test("a long text that is quoted takes no longer than its beginning", () => {
  const long = `data:${"a".repeat(20_000_000)}`;
  expect(shown(long).length).toBeLessThan(100);
  expect(quoted(long).length).toBeLessThan(300);
});

test("words of the language about a line of code are no cause; a library's own sentence is", () => {
  const failure = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  expect(
    causeOf(
      failure(() => (undefined as unknown as { x: number }).x),
      "it is damaged",
    ),
  ).toBe("it is damaged");
  expect(
    causeOf(
      failure(() => new Uint8Array(-1)),
      "it is damaged",
    ),
  ).toBe("it is damaged");
  expect(causeOf("a text", "it is damaged")).toBe("it is damaged");
  expect(causeOf(new Error("unsupported codec \u001b[2J LZO"), "it is damaged")).toBe("unsupported codec \\x1b[2J LZO");
});

test("commands print through one function", () => {
  const own = /recipes\/app\/display\/say\.ts$/;
  const direct = projectFiles().filter(
    (path) =>
      /^recipes\/app\/.*\.ts$/.test(path) &&
      !own.test(path) &&
      /console\.(?:log|error|warn|info)\(/.test(projectText(path) ?? ""),
  );
  expect(direct).toEqual([]);
});
