/** What the pictures hold that a dataset's rows name by their paths. */
import { statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { Dataset } from "./dataset.ts";
import { textDigest, type DigestOf } from "./file-digest.ts";

/** Files after which other work has its turn: a signal, among others. */
const together = 64;

/**
 * Digest of the pictures in the order in which rows name them, whatever their files are called: the rows' own digest
 * says that.
 * @returns undefined where no row names one
 */
export async function picturesDigest(
  { pictures }: Pick<Dataset, "pictures">,
  ofFile: DigestOf,
): Promise<string | undefined> {
  const paths = (await pictures?.()) ?? [];
  if (paths.length === 0) return undefined;
  const digests: (string | null)[] = [];
  for (const [index, path] of paths.entries()) {
    if (index % together === 0) await setImmediate();
    digests.push(digestOf(path, ofFile));
  }
  return textDigest(JSON.stringify(digests));
}

/**
 * Null for what is no file that can be read: that is the row's error when the row is read, or left out as the settings
 * say.
 */
function digestOf(path: string, ofFile: DigestOf): string | null {
  try {
    return statSync(path).isFile() ? ofFile(path) : null;
  } catch {
    return null;
  }
}
