/** A built package's package.json, made from its sources' one. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./packages.mjs";

export const readManifest = (name) => JSON.parse(readFileSync(join(root, name, "package.json"), "utf8"));

/** Sources that others can import, and the command line: name of the built file → source, relative to the package. */
export function entriesOf({ exports, bin }) {
  const modules = Object.entries(exports).filter(([, file]) => file.endsWith(".ts"));
  const entries = modules.map(([name, file]) => [
    name === "." ? "index" : name.slice("./".length),
    file.slice("./".length),
  ]);
  return { ...Object.fromEntries(entries), ...(bin === undefined ? {} : { cli: "app/cli.ts" }) };
}

const notPublished = ["private", "devDependencies", "scripts"];

/** @param folder holds the built files already @param types whether declarations will lie in its folder "types" */
export function manifestOf(name, folder, types) {
  const { exports, dependencies, ...source } = readManifest(name);
  const rest = Object.fromEntries(Object.entries(source).filter(([key]) => !notPublished.includes(key)));
  const exported = Object.entries(exports).map(([key, file]) => {
    if (!file.endsWith(".ts")) return [key, file];
    const module = key === "." ? "index" : key.slice("./".length);
    const declared = types ? { types: file.replace("./", "./types/").replace(/\.ts$/, ".d.ts") } : {};
    return [key, { ...declared, default: `./${module}.js` }];
  });
  const files = readdirSync(folder)
    .filter((entry) => !/\.js(?:\.map)?$/.test(entry) && entry !== "package.json")
    .sort();
  return {
    ...rest,
    exports: { ...Object.fromEntries(exported), "./package.json": "./package.json" },
    files: ["*.js", "*.js.map", ...files, ...(types ? ["types"] : [])],
    dependencies: Object.fromEntries(
      Object.entries(dependencies).map(([key, range]) => [key, key.startsWith("@papo/") ? rest.version : range]),
    ),
  };
}
