/** What runs are called beside one another. */
import { basename, relative, resolve } from "node:path";
import type { ReadRunOptions } from "./read-run.ts";

/**
 * For each folder how its run is to be read: under its own name, or, where several folders are called the same, under
 * its path.
 */
export function runNames(folders: readonly string[]): ReadRunOptions[] {
  const paths = folders.map((folder) => resolve(folder));
  const names = paths.map((path) => basename(path));
  return paths.map((path, at) =>
    names.filter((name) => name === names[at]).length > 1 ? { name: relative(process.cwd(), path) } : {},
  );
}
