import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { projectFiles, projectFolder } from "./project-files.ts";

const widest = 120;

/** A line that is a comment and nothing else, and could be broken. */
const isComment = (line: string): boolean => /^\s*(?:\*|\/\/|\/\*)/.test(line) && / \S+ /.test(line.trim().slice(2));

test("comments are no wider than 120 columns; of code `npm run format` sees to it", () => {
  const sources = projectFiles().filter((path) => /\.(?:ts|mjs|js)$/.test(path));
  expect(sources.length).toBeGreaterThan(500);
  const wide = sources.flatMap((path) =>
    readFileSync(projectFolder + path, "utf8")
      .split("\n")
      .flatMap((line, at) => (line.length > widest && isComment(line) ? [`${path}:${at + 1}`] : [])),
  );
  expect(wide).toEqual([]);
});
