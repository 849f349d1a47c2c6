/**
 * The manifest of a folder: size and sha256 of every file in it. It is written last, so that a folder without it is not
 * whole.
 */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fileDigest } from "../data/file-digest.ts";

/** Its name in the folder. */
export const manifestFile = "files.json";

const size = z.int().nonnegative();
/** Earlier versions wrote sizes alone. */
const entry = z.union([
  z.object({ bytes: size, sha256: z.string() }),
  size.transform((bytes) => ({ bytes, sha256: null })),
]);
const schema = z.record(z.string(), entry);

/** Write the manifest of what the folder holds now. */
export function writeManifest(folder: string): void {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  const files = names.sort().map((name) => {
    const file = join(folder, name);
    return [name.replaceAll("\\", "/"), { bytes: statSync(file).size, sha256: fileDigest(file) }] as const;
  });
  writeFileSync(join(folder, manifestFile), `${JSON.stringify(Object.fromEntries(files), null, 2)}\n`);
}

/**
 * What differs from the manifest, in words that begin with a file's name; null where nothing does. Reads every file.
 */
export function findDamage(folder: string): string | null {
  const list = join(folder, manifestFile);
  if (!existsSync(list)) return `${manifestFile} is missing`;
  try {
    const listed = schema.safeParse(fromJson(readFileSync(list, "utf8")));
    if (!listed.success) return `${manifestFile} holds no sizes and hashes: it is damaged`;
    const files = Object.entries(listed.data);
    // Sizes first: they cost nothing.
    for (const [name, { bytes }] of files) {
      const found = statSync(join(folder, name), { throwIfNoEntry: false })?.size;
      if (found === undefined) return `${name} is missing`;
      if (found !== bytes) return `${name} has ${found} bytes, ${bytes} were written`;
    }
    const changed = files.find(([name, { sha256 }]) => sha256 !== null && fileDigest(join(folder, name)) !== sha256);
    return changed === undefined ? null : `${changed[0]} was changed: its sha256 is another than when it was written`;
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  }
}

/** Undefined for what is no JSON. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
