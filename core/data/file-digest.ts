/** What a file holds, in 64 characters: sha256, read a piece at a time. */
import { createHash } from "node:crypto";
import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { readWholeLines } from "../machine/json-lines.ts";

/** Bytes read at a time; larger pieces are hashed no faster. */
const PIECE = 4 * 2 ** 20;

/** sha256 of a file's bytes, in hexadecimal. @throws Error of the file system */
export function fileDigest(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const hash = createHash("sha256");
    const piece = Buffer.allocUnsafe(PIECE);
    for (let read = readSync(descriptor, piece); read > 0; read = readSync(descriptor, piece))
      hash.update(piece.subarray(0, read));
    return hash.digest("hex");
  } finally {
    closeSync(descriptor);
  }
}

/** sha256 of a text, in hexadecimal. */
export const textDigest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Digest of a file by its path. */
export type DigestOf = (file: string) => string;

/**
 * Digest of what a model's or an adapter's folder holds: weights, configuration and tokenizer.
 * @throws Error of the file system
 */
export const weightsDigest = (folder: string, ofFile: DigestOf = fileDigest): string => {
  const files = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => statSync(join(folder, entry.name)).isFile() && /\.(safetensors|json|jinja|txt)$/.test(entry.name),
  );
  return textDigest(
    JSON.stringify(
      files
        .map(({ name }) => name)
        .sort()
        .map((name) => [name, ofFile(join(folder, name))]),
    ),
  );
};

/** Name of the file in which a run's or an evaluation's folder keeps digests. */
export const digestsFile = "digests.jsonl";

interface Known {
  readonly file: string;
  readonly bytes: number;
  readonly changed: number;
  readonly sha256: string;
}

/**
 * Digests that are kept beside size and time of change, so that files are read once: one of the same size and time is
 * taken to be the same.
 * @param keptIn a file, to which a line is added for each that was read
 */
export function keptDigests(keptIn: string): DigestOf {
  // Files whose lines are damaged are read again.
  const known = new Map(existsSync(keptIn) ? readWholeLines<Known>(keptIn).map((one) => [one.file, one]) : []);
  // What stands after a line that was cut short must not be lost with it.
  let between = existsSync(keptIn) ? "\n" : "";
  return (file) => {
    const { size: bytes, mtimeMs: changed } = statSync(file);
    const before = known.get(file);
    if (before?.bytes === bytes && before.changed === changed) return before.sha256;
    const now: Known = { file, bytes, changed, sha256: fileDigest(file) };
    known.set(file, now);
    appendFileSync(keptIn, `${between}${JSON.stringify(now)}\n`);
    between = "";
    return now.sha256;
  };
}
