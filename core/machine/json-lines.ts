/** Files of one JSON value a line. */
import { readFileSync } from "node:fs";

/**
 * What the lines of a file hold; those that are damaged, as after a power cut, are left out.
 * @throws Error of the file system
 */
export function readWholeLines<T>(file: string): T[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as T];
      } catch {
        return [];
      }
    });
}
