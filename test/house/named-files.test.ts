import { existsSync } from "node:fs";
import { posix } from "node:path";
import { expect, test } from "vitest";
import { projectFiles, projectFolder, projectText } from "./project-files.ts";

const pages = (): readonly string[] => projectFiles().filter((path) => path.endsWith(".md"));

/** Files of the project that a page names in code; with a placeholder or a pattern in it a name is no file's. */
function namedFiles(text: string): string[] {
  const names = [
    ...text.matchAll(/(?<![\w./-])((?:core|plugins|recipes|test|docs|bench)\/[^\s`'",;()|\]]*[\w/])/g),
  ].map(([, name]) => name!);
  return names.filter((name) => !/[<>*{}…]/.test(name));
}

/** Names with a placeholder, as CONTRIBUTING.md has them: `core/graph/<name>/executor.ts`. */
const patterns = (text: string): string[] =>
  [...text.matchAll(/`((?:core|plugins|recipes|test|docs|bench)\/[\w./<>-]*<[\w./<>-]*)`/g)].map(([, name]) => name!);

/** What a placeholder stands for is one name, or the start of one. */
const fits = (pattern: string): RegExp => new RegExp(`^${pattern.replaceAll(".", "\\.").replace(/<[^>]*>/g, "[^/]+")}`);

/** Where a page's links lead, relative to the project, with what stands behind `#`. */
function links(page: string, text: string): { readonly path: string; readonly anchor: string }[] {
  return [...text.matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].map(([, link]) => {
    const [path = "", anchor = ""] = link!.split("#");
    return { path: path === "" ? page : posix.normalize(posix.join(posix.dirname(page), path)), anchor };
  });
}

/** A heading's anchor as code hosts make it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
const anchors = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));

test("every file that a page names is there", () => {
  const absent = pages().flatMap((page) =>
    namedFiles(projectText(page) ?? "")
      .filter((name) => !existsSync(projectFolder + name))
      .map((name) => `${page}: ${name}`),
  );
  expect(absent).toEqual([]);
});

test("every name with a placeholder in CONTRIBUTING.md is the name of some file", () => {
  const files = projectFiles();
  const named = patterns(projectText("CONTRIBUTING.md") ?? "");
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((pattern) => !files.some((file) => fits(pattern).test(file)))).toEqual([]);
  expect(patterns("`plugins/<method>/<name>.ts` and `core/x.ts`")).toEqual(["plugins/<method>/<name>.ts"]);
  expect([
    fits("core/graph/<name>/executor.ts").test("core/graph/xla/executor.ts"),
    fits("core/graph/<name>/executor.ts").test("core/graph/executor.ts"),
  ]).toEqual([true, false]);
});

test("every link of a page leads to a file, and to a heading of it", () => {
  const broken = pages().flatMap((page) =>
    links(page, projectText(page) ?? "")
      .filter(
        ({ path, anchor }) =>
          !existsSync(projectFolder + path) || (anchor !== "" && !anchors(projectText(path) ?? "").includes(anchor)),
      )
      .map(({ path, anchor }) => `${page}: ${path}#${anchor}`),
  );
  expect(broken).toEqual([]);
});

test("an absent file and a broken link would be noticed", () => {
  expect(namedFiles("see `core/absent.ts`, plugins/x/y.ts and test/<name>.ts")).toEqual([
    "core/absent.ts",
    "plugins/x/y.ts",
  ]);
  expect(links("docs/a.md", "[b](b.md#c-d) [e](https://e.f)")).toEqual([{ path: "docs/b.md", anchor: "c-d" }]);
  expect(anchors("# C, d\n## `e` f")).toEqual(["c-d", "e-f"]);
});
