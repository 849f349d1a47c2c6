/** Files that are read whole in the main process: configurations, records of a run. */
import { readFileSync, statSync } from "node:fs";

/**
 * The text of a file.
 * @param most bytes that it may have, 64 MiB by default
 * @throws Error naming the file when it cannot be read, is no file or has more bytes
 */
export function readSmallFile(file: string, most = 2 ** 26): string {
  try {
    const found = statSync(file);
    if (!found.isFile()) throw new Error("it is no file");
    if (found.size > most) throw new Error(`it has ${found.size} bytes, and such a file may have ${most}: is it another one than was meant?`);
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
