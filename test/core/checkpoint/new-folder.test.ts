import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { beginFolder, makeFolder } from "../../../core/checkpoint/new-folder.ts";
import { temporaryFolder } from "../../support/bandit.ts";

test("folders are made one by one, and those that were made are told", () => {
  const root = temporaryFolder();
  expect(makeFolder(join(root, "a", "b"))).toEqual([join(root, "a"), join(root, "a", "b")]);
  expect(makeFolder(join(root, "a", "b"))).toEqual([]);
});

test("what cannot be made or written to is refused at once, and nothing is left of it", () => {
  const root = temporaryFolder();
  writeFileSync(join(root, "file"), "mine");
  expect(() => makeFolder(join(root, "file"))).toThrow(
    /^The folder .*file cannot be written to: ENOTDIR.*; choose another$/,
  );
  expect(() => makeFolder(join(root, "file", "deeper"))).toThrow(/cannot be written to: ENOTDIR/);
  expect(() => makeFolder(join(root, "new", "x".repeat(300)))).toThrow(/cannot be written to: ENAMETOOLONG/);
  expect(readdirSync(root)).toEqual(["file"]);
});

// Node's own recursive mkdir does not come back from here.
test.skipIf(!existsSync("/proc/self"))("a file system that takes no folders is an error and no hang", () => {
  expect(() => makeFolder("/proc/nowhere/out")).toThrow(/^The folder \/proc\/nowhere\/out cannot be written to: /);
});

test("what began and failed is taken back, and nothing else", () => {
  const root = temporaryFolder();
  const fresh = beginFolder(join(root, "runs", "one"));
  mkdirSync(join(root, "runs", "one", "rewards"));
  mkdirSync(join(root, "runs", "two"));
  fresh.takeBack();
  expect(readdirSync(join(root, "runs"))).toEqual(["two"]);
  writeFileSync(join(root, "mine"), "");
  const inside = beginFolder(root);
  writeFileSync(join(root, "theirs"), "");
  inside.takeBack();
  expect(readdirSync(root).sort()).toEqual(["mine", "runs"]);
});
