import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectFolder } from "./project-files.ts";

interface Setup {
  missingPackages(folder: string, develops?: boolean): string[];
}

const setup = (await import(new URL("../../setup.mjs", import.meta.url).href)) as Setup;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "papo-setup-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeLocks(wanted: object, installed: object | null): void {
  rmSync(join(folder, "node_modules"), { recursive: true, force: true });
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: wanted }));
  if (installed === null) return;
  mkdirSync(join(folder, "node_modules", "a"), { recursive: true });
  writeFileSync(join(folder, "node_modules", ".package-lock.json"), JSON.stringify({ packages: installed }));
}

const a = { "node_modules/a": { version: "1.0.0" } };

test("what the lock file names and node_modules lacks is found", () => {
  writeLocks({ "": {}, ...a }, null);
  expect(setup.missingPackages(folder)).toEqual(["node_modules/a"]);
  writeLocks({ "": {}, ...a, "node_modules/b": { version: "2.0.0" } }, a);
  expect(setup.missingPackages(folder)).toEqual(["node_modules/b"]);
});

test("another version counts as missing, an absent optional package does not", () => {
  writeLocks({ "node_modules/a": { version: "1.0.1" } }, a);
  expect(setup.missingPackages(folder)).toEqual(["node_modules/a"]);
  writeLocks({ ...a, "node_modules/b": { version: "2.0.0", optional: true } }, a);
  expect(setup.missingPackages(folder)).toEqual([]);
});

test("packages that develop the project alone are missing where they are needed", () => {
  writeLocks({ ...a, "node_modules/b": { version: "2.0.0", dev: true } }, a);
  expect([setup.missingPackages(folder), setup.missingPackages(folder, false)]).toEqual([["node_modules/b"], []]);
});

test("a folder deleted from node_modules counts as missing", () => {
  writeLocks(a, a);
  rmSync(join(folder, "node_modules", "a"), { recursive: true });
  expect(setup.missingPackages(folder)).toEqual(["node_modules/a"]);
});

test("an unknown command is refused from any folder, with the ones there are", () => {
  const { status, stderr } = spawnSync(process.execPath, [`${projectFolder}setup.mjs`, "tset"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stderr).toContain("start | test | build | release");
});

test("packing in a clone installs first what the build needs", () => {
  const { scripts } = JSON.parse(readFileSync(`${projectFolder}package.json`, "utf8")) as {
    scripts: Record<string, string>;
  };
  expect([scripts["build"], scripts["release"]]).toEqual(["node setup.mjs build", "node setup.mjs release"]);
  // With everything installed it says nothing of its own.
  const { stdout, stderr } = spawnSync(process.execPath, [`${projectFolder}setup.mjs`, "release", "--nothing"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect([stdout, stderr]).toEqual(["", expect.stringContaining('npm run release takes --publish, not "--nothing"')]);
});

test("the lock file names the programs of every system, not only of the one it was written on", () => {
  interface Locked {
    readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
  }
  const { packages } = JSON.parse(readFileSync(`${projectFolder}package-lock.json`, "utf8")) as Locked;
  const lacking = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );
  expect(lacking).toEqual([]);
});
