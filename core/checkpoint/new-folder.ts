/** Folders that something begins to write into. */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { lockFolder } from "./folder-lock.ts";

/**
 * Make a folder and what is missing above it, one after the other: where a file system refuses an entry as if the
 * folder above were missing (/proc), Node's own recursive mkdir tries for ever.
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
    throw new Error(`The folder ${folder} cannot be written to: ${(error as Error).message}; choose another`, {
      cause: error,
    });
  }
}

/** A folder that work has begun in, and no other process works in. */
export interface BegunFolder {
  /** @throws Error when another process has taken the folder over */
  check(): void;
  /** The work has ended: others may begin here. */
  end(): void;
  /**
   * Remove what was written since, and the folder itself where it was made for this: the work failed before it had
   * anything to keep. Ends it too.
   */
  takeBack(): void;
}

/**
 * Make a folder, lock it, and remember what it held.
 * @throws Error as `makeFolder`, or naming the process that works in it; then nothing was changed
 */
export function beginFolder(path: string): BegunFolder {
  const made = makeFolder(path);
  const lock = lockFolder(path);
  const held = new Set(readdirSync(path));
  return {
    check: lock.check,
    end: lock.release,
    takeBack: () => {
      for (const entry of readdirSync(path))
        if (!held.has(entry)) rmSync(join(path, entry), { recursive: true, force: true });
      lock.release();
      // Somebody else may have begun in one of them since.
      for (const folder of [...made].reverse()) if (readdirSync(folder).length === 0) rmdirSync(folder);
    },
  };
}
