import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { ownPackages } from "../../../../recipes/app/init/own-packages.ts";

const folder = mkdtempSync(join(tmpdir(), "papo-own-"));
const core = join(folder, "node_modules/@papo/core/package.json");
const project = join(folder, "my-run");
const names = ["core", "plugins", "recipes"];
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(folder, { recursive: true }));

function write(file: string, content: unknown): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), JSON.stringify(content));
}

const all = (spec: (name: string) => string): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`@papo/${name}`, spec(name)]));

/** As npm leaves it after an installation from `where`. */
const installedFrom = (where: (name: string) => string): void =>
  write("node_modules/.package-lock.json", {
    packages: Object.fromEntries(
      names.map((name) => [`node_modules/@papo/${name}`, { version: "0.1.0", resolved: where(name) }]),
    ),
  });

test("packed files that were installed are named from the project's folder", () => {
  installedFrom((name) => `file:dist/papo-${name}-0.1.0.tgz`);
  for (const name of names) write(`dist/papo-${name}-0.1.0.tgz`, "");
  expect(ownPackages(project, "0.1.0", core)).toEqual({
    specs: all((name) => `file:../dist/papo-${name}-0.1.0.tgz`),
    first: [],
  });
  expect(ownPackages(folder, "0.1.0", core).specs).toEqual(all((name) => `file:dist/papo-${name}-0.1.0.tgz`));
});

test("package.json says so too, where another package manager leaves no record", () => {
  write("package.json", { dependencies: all((name) => `file:dist/papo-${name}-0.1.0.tgz`) });
  const { specs, first } = ownPackages(
    project,
    "0.1.0",
    join(folder, "node_modules/.pnpm/papo/node_modules/@papo/core/package.json"),
  );
  expect(specs).toEqual(all((name) => `file:../dist/papo-${name}-0.1.0.tgz`));
  expect(first.join()).toContain(`${join(folder, "dist/papo-core-0.1.0.tgz")}, `);
});

test("in a clone they are what npm run release packs, from its sources and from its built files", () => {
  write("package.json", { name: "papo" });
  write("build/release.mjs", "");
  for (const own of ["core", "node_modules/.papo/node_modules/@papo/core"]) {
    const { specs, first } = ownPackages(join(folder, "../elsewhere"), "0.1.0", join(folder, own, "package.json"));
    expect(specs["@papo/recipes"]).toMatch(/^file:\.\.\/papo-own-\w+\/dist\/papo-recipes-0\.1\.0\.tgz$/);
    expect(first).toEqual([
      expect.stringMatching(/papo-recipes-0\.1\.0\.tgz are not there: npm run release in a clone/),
    ]);
  }
});

test("packages of the registry are asked for by their version", () => {
  installedFrom((name) => `https://registry.example/@papo/${name}/-/${name}-0.1.0.tgz`);
  expect(ownPackages(project, "0.1.0", core)).toEqual({ specs: all(() => "^0.1.0"), first: [] });
  rmSync(join(folder, "node_modules"), { recursive: true });
  expect(ownPackages(project, "0.1.0", core).specs).toEqual(all(() => "^0.1.0"));
});
