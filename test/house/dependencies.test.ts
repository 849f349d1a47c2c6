import { posix } from "node:path";
import { expect, test } from "vitest";
import { projectFiles, projectText } from "./project-files.ts";

/** Where a file of each package may import from, among the project's own packages. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: ["core"],
  plugins: ["core", "plugins"],
  recipes: ["core", "plugins", "recipes"],
};

interface Import {
  readonly from: string;
  /** The specifier as written. */
  readonly specifier: string;
  /** The project's file or package it leads to, "plugins/papo/mask.ts" or "core"; null for foreign modules. */
  readonly target: string | null;
}

function importsOf(path: string, text: string): Import[] {
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\(|new URL\()\s*["']([^"']+)["']/g)].map(
    (match) => match[1] ?? "",
  );
  return specifiers.map((specifier) => {
    const product = /^@papo\/([a-z]+)/.exec(specifier)?.[1];
    const target = product ?? (specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : null);
    return { from: path, specifier, target };
  });
}

const allImports = (): Import[] =>
  projectFiles()
    .filter((path) => /^(?:core|plugins|recipes)\/.*\.(?:ts|mjs|js)$/.test(path))
    .flatMap((path) => importsOf(path, projectText(path) ?? ""));

const top = (path: string): string => path.split("/")[0] ?? "";
const show = ({ from, specifier }: Import): string => `${from} imports ${specifier}`;

/** A clone's command line asks whether the built files are those of its sources; a package has no such question. */
const asksTheBuild = ({ from, target }: Import): boolean =>
  from === "recipes/papo.mjs" && target === "build/packages.mjs";

/** Dependencies point recipes → plugins → core. */
const pointsBackwards = (edge: Import): boolean =>
  edge.target !== null && !(allowed[top(edge.from)] ?? []).includes(top(edge.target)) && !asksTheBuild(edge);

/** Between packages the way is the package's name, so that what is public is decided in one file. */
const reachesInside = (edge: Import): boolean =>
  edge.target !== null && edge.specifier.startsWith(".") && top(edge.from) !== top(edge.target) && !asksTheBuild(edge);

/** Folders of plugins/ that hold no plugin, but what plugins share. */
const shared = ["thread", "verify", "words"];

/** plugins/a/x.ts may use plugins/a/y.ts and what plugins share (top level, `shared`), never plugins/b/y.ts. */
const crossesPluginFolders = ({ from, target }: Import): boolean => {
  const [home, folder, file] = from.split("/");
  const [targetHome, targetFolder, targetFile] = (target ?? "").split("/");
  if (home !== "plugins" || file === undefined || targetHome !== "plugins" || targetFile === undefined) return false;
  return folder !== targetFolder && !shared.includes(targetFolder ?? "");
};

test("dependencies point one way: recipes to plugins to core", () => {
  const imports = allImports();
  expect(imports.length).toBeGreaterThan(10);
  expect(imports.filter(pointsBackwards).map(show)).toEqual([]);
});

test("packages import each other by name", () => {
  expect(allImports().filter(reachesInside).map(show)).toEqual([]);
});

test("a folder of plugins imports no internals of another", () => {
  expect(allImports().filter(crossesPluginFolders).map(show)).toEqual([]);
});

test("the rules catch what they are for", () => {
  const one = (from: string, text: string): Import => importsOf(from, text)[0] ?? { from, specifier: "", target: null };
  expect(pointsBackwards(one("core/pipeline/step.ts", 'import { x } from "@papo/plugins";'))).toBe(true);
  expect(pointsBackwards(one("plugins/papo/mask.ts", 'await import("../../recipes/a.ts")'))).toBe(true);
  expect(reachesInside(one("plugins/papo/mask.ts", 'import { x } from "../../core/math/kl.ts";'))).toBe(true);
  expect(crossesPluginFolders(one("plugins/papo/mask.ts", 'import { x } from "../grpo/clip.ts";'))).toBe(true);
  expect(crossesPluginFolders(one("plugins/papo/mask.ts", 'import { x } from "./options.ts";'))).toBe(false);
  expect(crossesPluginFolders(one("plugins/papo/mask.ts", 'import { x } from "../verify/verify-answer.ts";'))).toBe(
    false,
  );
  expect(crossesPluginFolders(one("plugins/verify/verify-answer.ts", 'import { x } from "../papo/mask.ts";'))).toBe(
    true,
  );
});

test("what writes Trackio's database is pinned, so that its bytes stay as they were tested", () => {
  const { dependencies } = JSON.parse(projectText("plugins/package.json") ?? "{}") as {
    dependencies: Record<string, string>;
  };
  expect(dependencies["node-sqlite3-wasm"]).toMatch(/^\d+\.\d+\.\d+$/);
});
