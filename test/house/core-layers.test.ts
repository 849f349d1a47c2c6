import { posix } from "node:path";
import { expect, test } from "vitest";
import { projectFiles, projectText } from "./project-files.ts";

/** core/'s folders from the lowest to the highest, as docs/design.md gives them: each may import those before it. */
const layers = (/^`(math [^`]*)`$/m.exec(projectText("docs/design.md") ?? "")?.[1] ?? "").split(/\s+·\s+/);

/** Files at the top say what is public, and import whatever they like. */
const folderOf = (path: string): string => (path.split("/").length > 2 ? path.split("/")[1]! : "");

/** Files of core/ and what they import of it, for values or types. */
function importsOfCore(): Map<string, readonly string[]> {
  const files = projectFiles().filter((path) => /^core\/.*\.(?:ts|mjs)$/.test(path));
  const importsOf = (path: string): string[] =>
    [...(projectText(path) ?? "").matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)"/g)]
      .map(([, specifier]) => posix.join(posix.dirname(path), specifier!))
      .filter((target) => files.includes(target));
  return new Map(files.map((path) => [path, importsOf(path)]));
}

const pointsUp = (from: string, to: string): boolean => layers.indexOf(folderOf(to)) > layers.indexOf(folderOf(from));

/** The first way found from a file back to it; null where there is none. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): readonly string[] | null => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return null;
    for (const target of imports.get(path) ?? []) {
      const circle = visit(target, [...way, path]);
      if (circle !== null) return circle;
    }
    done.add(path);
    return null;
  };
  for (const path of imports.keys()) {
    const circle = visit(path, []);
    if (circle !== null) return circle;
  }
  return null;
}

test("core's folders have an order, and files import from their own folder and those below", () => {
  const imports = importsOfCore();
  const folders = new Set([...imports.keys()].map(folderOf).filter((name) => name !== ""));
  expect([...layers].sort()).toEqual([...folders].sort());
  const upwards = [...imports]
    .filter(([path]) => folderOf(path) !== "")
    .flatMap(([path, targets]) =>
      targets.filter((target) => pointsUp(path, target)).map((target) => `${path} imports ${target}`),
    );
  expect(upwards).toEqual([]);
});

test("no file of core imports itself by way of others, not even for a type", () => {
  expect(circleIn(importsOfCore())).toBeNull();
});

test("the rules catch what they are for", () => {
  expect(pointsUp("core/contracts/plugin.ts", "core/pipeline/run.ts")).toBe(true);
  expect(pointsUp("core/pipeline/run.ts", "core/contracts/plugin.ts")).toBe(false);
  expect(
    circleIn(
      new Map([
        ["a", ["b"]],
        ["b", ["c"]],
        ["c", ["b"]],
      ]),
    ),
  ).toEqual(["b", "c", "b"]);
});
