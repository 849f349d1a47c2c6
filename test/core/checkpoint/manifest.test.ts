import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { findDamage, manifestFile, writeManifest } from "../../../core/checkpoint/manifest.ts";
import { temporaryFolder } from "../../support/bandit.ts";

function written(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "inner"));
  writeFileSync(join(folder, "inner/weights"), Buffer.alloc(9 * 2 ** 20, 3));
  writeFileSync(join(folder, "empty"), "");
  writeManifest(folder);
  return folder;
}

test("a manifest has size and sha256 of every file, pieces of large ones together", () => {
  const folder = written();
  const sha256 = (file: string): string =>
    createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex");
  expect(JSON.parse(readFileSync(join(folder, manifestFile), "utf8"))).toEqual({
    empty: { bytes: 0, sha256: sha256("empty") },
    "inner/weights": { bytes: 9 * 2 ** 20, sha256: sha256("inner/weights") },
  });
  expect(findDamage(folder)).toBeNull();
});

test.each([
  [
    "a byte of another value",
    (folder: string) =>
      writeFileSync(join(folder, "inner/weights"), Buffer.alloc(9 * 2 ** 20, 3).fill(4, 9 * 2 ** 20 - 1)),
    "inner/weights was changed: its sha256 is another than when it was written",
  ],
  [
    "a shorter file",
    (folder: string) => writeFileSync(join(folder, "inner/weights"), "3"),
    `inner/weights has 1 bytes, ${9 * 2 ** 20} were written`,
  ],
  ["no file", (folder: string) => rmSync(join(folder, "empty")), "empty is missing"],
  ["no manifest", (folder: string) => rmSync(join(folder, manifestFile)), "files.json is missing"],
  [
    "a manifest of no sizes",
    (folder: string) => writeFileSync(join(folder, manifestFile), '{ "empty": "0" }'),
    "files.json holds no sizes and hashes: it is damaged",
  ],
  [
    "another size than an earlier version wrote",
    (folder: string) => writeFileSync(join(folder, manifestFile), '{ "empty": 3 }'),
    "empty has 0 bytes, 3 were written",
  ],
] as const)("%s is told", (_what, damage, told) => {
  const folder = written();
  damage(folder);
  expect(findDamage(folder)).toBe(told);
});
