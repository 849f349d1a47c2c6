/** What a file holds, in 64 characters: sha256, read a piece at a time. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { writeFileAtomic } from "../machine/atomic-file.ts";

/** Bytes read at a time; larger pieces are hashed no faster. */
const PIECE = 4 * 2 ** 20;

/** sha256 of a file's bytes, in hexadecimal. @throws Error of the file system */
export function fileDigest(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const hash = createHash("sha256");
    const piece = Buffer.allocUnsafe(PIECE);
    for (let read = readSync(descriptor, piece); read > 0; read = readSync(descriptor, piece)) hash.update(piece.subarray(0, read));
    return hash.digest("hex");
  } finally {
    closeSync(descriptor);
  }
}

/** sha256 of a text, in hexadecimal. */
export const textDigest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Digest of a file by its path. */
export type DigestOf = (file: string) => string;

interface Known {
  readonly bytes: number;
  readonly changed: number;
  readonly sha256: string;
}

/** Digests that are kept in a file beside size and time of change, so that large files are read once: a file of the same size and time is taken to be the same. */
export function keptDigests(keptIn: string): DigestOf {
  const known = new Map(Object.entries(existsSync(keptIn) ? readKnown(keptIn) : {}));
  return (file) => {
    const { size: bytes, mtimeMs: changed } = statSync(file);
    const before = known.get(file);
    if (before?.bytes === bytes && before.changed === changed) return before.sha256;
    const sha256 = fileDigest(file);
    known.set(file, { bytes, changed, sha256 });
    writeFileAtomic(keptIn, `${JSON.stringify(Object.fromEntries(known), null, 1)}\n`);
    return sha256;
  };
}

/** Nothing, where the file is damaged: then files are read again. */
function readKnown(file: string): Record<string, Known> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, Known>;
  } catch {
    return {};
  }
}
