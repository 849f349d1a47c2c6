/**
 * `npm run build [-- --types]`: the three packages as JavaScript, with declarations on request, into
 * node_modules/.papo. The clone runs from there as long as the sources are what was built.
 */
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildJavaScript, loadedByAddress } from "./javascript.mjs";
import { entriesOf, manifestOf, readManifest } from "./manifest.mjs";
import { builtFolder, builtPackage, filesOf, packages, root, sourcesHash, writeRecord } from "./packages.mjs";
import { writeDeclarations } from "./declarations.mjs";

/**
 * What of a package is not shipped: examples and works are the clone's, but for the plugin that `papo init` writes;
 * what is written in another language is compiled already.
 */
const notShipped = /(?:^examples\/(?!visual-focus\.ts$)|(?<!^examples\/visual-focus)\.ts$|\.wat$|^package\.json$)/;

/**
 * Whole or not at all. @param types whether declarations are written too, which takes most of the time
 * @param built the folder to write, beside the dependencies in node_modules
 */
export async function buildPackages({ types = false, built = builtFolder } = {}) {
  const hash = sourcesHash();
  const folder = `${built}-${process.pid}`;
  rmSync(folder, { recursive: true, force: true });
  try {
    await Promise.all(packages.map((name) => buildPackage(name, builtPackage(name, folder), types)));
    if (types) writeDeclarations(folder);
    writeRecord(folder, hash);
    rmSync(built, { recursive: true, force: true });
    renameSync(folder, built);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function buildPackage(name, folder, types) {
  mkdirSync(folder, { recursive: true });
  await buildJavaScript(name, entriesOf(readManifest(name)), folder);
  const made = new Set(loadedByAddress(name).map(({ place }) => place));
  const assets = filesOf(name)
    .map((path) => path.slice(name.length + 1))
    .filter((path) => !notShipped.test(path) && !made.has(path));
  for (const path of assets) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, name, path), join(folder, path));
  }
  cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifestOf(name, folder, types), null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const unknown = process.argv.slice(2).find((option) => option !== "--types");
  if (unknown !== undefined) throw new Error(`npm run build takes --types, not "${unknown}"`);
  const start = performance.now();
  await buildPackages({ types: process.argv.includes("--types") });
  console.log(
    `Built in ${((performance.now() - start) / 1000).toFixed(1)} s: papo runs from node_modules/.papo until a source changes.`,
  );
}
