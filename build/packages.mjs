/** The three packages, and where their built files lie: shared by the build and by whoever asks whether it is fresh. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folders of the packages, in the order in which they depend on each other. */
export const packages = ["core", "plugins", "recipes"];

/**
 * Built packages, laid as an installation lays them: they find each other here, and their dependencies one folder up.
 * What is packed is these folders; the clone runs from the same files.
 */
export const builtFolder = join(root, "node_modules", ".papo");
export const builtPackage = (name, built = builtFolder) => join(built, "node_modules", "@papo", name);

/** What the built files were made of, written last. */
const recordFile = (built) => join(built, "built.json");

/** Paths under a folder, relative to the project, in order. */
export function filesOf(folder, project = root) {
  const entries = readdirSync(join(project, folder), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  return entries.flatMap((entry) => {
    if (entry.name === "node_modules") return [];
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesOf(path, project) : [path];
  });
}

/** One number of everything that the built files depend on: sources, the build itself, versions of dependencies. */
export function sourcesHash(project = root) {
  const hash = createHash("sha256");
  const folders = [...packages, "build"].flatMap((folder) => filesOf(folder, project));
  for (const path of [...folders, "package-lock.json"]) {
    const bytes = readFileSync(join(project, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

const recordOf = (hash) => JSON.stringify({ sources: hash });

/** Whether the built files are those of the sources as they are now, told by content alone. */
export function isFresh(project = root, built = builtFolder) {
  const file = recordFile(built);
  return existsSync(file) && readFileSync(file, "utf8") === recordOf(sourcesHash(project));
}

/** The built command line; null where it is not that of the sources. */
export const builtCommandLine = () => (isFresh() ? pathToFileURL(join(builtPackage("recipes"), "cli.js")) : null);

/** Say what the built files were made of. @param hash what `sourcesHash` gave before the first source was read */
export const writeRecord = (built, hash) => writeFileSync(recordFile(built), recordOf(hash));
