import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const { embedExamples } = (await import(new URL("docs/embed-examples.mjs", root).href)) as { embedExamples: (page: string) => string };
const readme = readFileSync(new URL("README.md", root), "utf8");

test("the README shows the example files as they are (npm run docs)", () => {
  expect(readme.match(/<!-- \S+\.ts -->/g)).toHaveLength(2);
  expect(readme).toBe(embedExamples(readme));
});

test("a file that changed would be noticed", () => {
  const changed = readme.replace("threshold: 0.1", "threshold: 0.2");
  expect(embedExamples(changed)).not.toBe(changed);
});
