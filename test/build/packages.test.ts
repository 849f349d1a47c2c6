import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";

interface Packages {
  sourcesHash(project: string): string;
  isFresh(project: string, built: string): boolean;
  writeRecord(built: string, hash: string): void;
}

const { sourcesHash, isFresh, writeRecord } = (await import(
  new URL("../../build/packages.mjs", import.meta.url).href
)) as Packages;

const folder = mkdtempSync(join(tmpdir(), "papo-fresh-"));
const [project, built] = [join(folder, "project"), join(folder, "built")];
const source = join(project, "core/math/kl.ts");
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  rmSync(project, { recursive: true, force: true });
  for (const path of ["core/math", "plugins", "recipes", "build", "core/node_modules/some", "docs"])
    mkdirSync(join(project, path), { recursive: true });
  writeFileSync(source, "export const k3 = 1;\n");
  for (const path of ["plugins/index.ts", "recipes/cli.ts", "build/build.mjs", "package-lock.json"])
    writeFileSync(join(project, path), "{}");
  mkdirSync(built, { recursive: true });
  writeRecord(built, sourcesHash(project));
});

describe("built files are fresh", () => {
  test("as long as what they were made of is the same, whenever it was written", () => {
    expect(isFresh(project, built)).toBe(true);
    utimesSync(source, new Date(), new Date());
    const copy = join(folder, "copy");
    cpSync(project, copy, { recursive: true });
    expect(isFresh(copy, built)).toBe(true);
    writeFileSync(join(project, "docs/page.md"), "not a source");
    writeFileSync(join(project, "core/node_modules/some/index.js"), "not a source");
    expect(isFresh(project, built)).toBe(true);
  });

  test.each<[string, () => void]>([
    [
      "a source changes, at its old size and time",
      () => {
        writeFileSync(source, "export const k3 = 2;\n");
        utimesSync(source, new Date(0), new Date(0));
      },
    ],
    ["a source is added", () => writeFileSync(join(project, "core/math/k2.ts"), "")],
    ["a source is renamed", () => renameSync(source, join(project, "core/math/k4.ts"))],
    ["a source is removed", () => rmSync(source)],
    ["the build itself changes", () => writeFileSync(join(project, "build/build.mjs"), "{ }")],
    ["dependencies change", () => writeFileSync(join(project, "package-lock.json"), "{ }")],
    ["a build was interrupted", () => rmSync(join(built, "built.json"))],
  ])("no longer when %s", (_, change) => {
    change();
    expect(isFresh(project, built)).toBe(false);
  });
});
