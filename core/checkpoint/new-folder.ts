/** Folders that something begins to write into. */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * Make a folder and what is missing above it, one after the other: where a file system refuses an entry as if the folder above were missing (/proc), Node's own recursive mkdir tries for ever.
 * @returns those that were made, the outermost first
 * @throws Error naming the folder when it cannot be made or written to; what was made is taken back
 */
export function makeFolder(path: string): string[] {
  const folder = resolve(path);
  const missing: string[] = [];
  for (let at = folder; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  const made: string[] = [];
  try {
    for (const one of missing) {
      mkdirSync(one);
      made.push(one);
    }
    if (made.length === 0) readdirSync(folder);
    accessSync(folder, constants.W_OK);
    return made;
  } catch (error) {
    for (const one of made.reverse()) rmdirSync(one);
    throw new Error(`The folder ${folder} cannot be written to: ${(error as Error).message}; choose another`, { cause: error });
  }
}

/** A folder that work has begun in. */
export interface BegunFolder {
  /** Remove what was written since, and the folder itself where it was made for this: the work failed before it had anything to keep. */
  takeBack(): void;
}

/** Make a folder, and remember what it held. @throws Error as `makeFolder` */
export function beginFolder(path: string): BegunFolder {
  const made = makeFolder(path);
  const held = new Set(readdirSync(path));
  return {
    takeBack: () => {
      for (const entry of readdirSync(path)) if (!held.has(entry)) rmSync(join(path, entry), { recursive: true, force: true });
      // Somebody else may have begun in one of them since.
      for (const folder of [...made].reverse()) if (readdirSync(folder).length === 0) rmdirSync(folder);
    },
  };
}
