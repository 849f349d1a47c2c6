/** What a file holds, in 64 characters: sha256, read a piece at a time. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

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
