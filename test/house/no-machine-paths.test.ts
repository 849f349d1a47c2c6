import { expect, test } from "vitest";
import { offendingLines, projectFiles } from "./project-files.ts";

// Written in pieces, so that this file does not find itself.
const machinePath = new RegExp(
  ["(?<![\\w.:/])/(?:", ["work", "root", "home", "Users", "tmp"].join("|"), ")/", "|", "\\b[A-Z]:\\\\", "Users"].join(
    "",
  ),
);
const registryHost = new RegExp(
  ["registry\\.", "(?:npmjs|yarnpkg)|npm", "mirror|", "pypi", "\\.org|", "files\\.python", "hosted"].join(""),
  "i",
);
const lockedAddress = new RegExp(['"resolved": ', '"https?:'].join(""));

test("no file of the project holds a machine's path or a registry's host", () => {
  const files = projectFiles();
  expect(files).toContain("package-lock.json");
  expect(
    offendingLines(files, (line) => machinePath.test(line) || registryHost.test(line) || lockedAddress.test(line)),
  ).toEqual([]);
});

test("the search finds them", () => {
  expect(machinePath.test(["cd ", "/home", "/me/project"].join(""))).toBe(true);
  expect(machinePath.test("plugins/home/page.ts")).toBe(false);
  expect(registryHost.test(["https://registry.", "npmjs.org"].join(""))).toBe(true);
});
