/** What two runs must have in common to the byte. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";

/** Clocks and process numbers, and pages that show them. */
const told =
  /^(?:timings|alarms)\.jsonl$|^(?:run|lock)\.json$|(?:^|\/)digests\.jsonl$|^report\.html$|(?:^|\/)settings\.json$/;

/**
 * sha256 of every file of a run by its path: metrics, rewards, samples, answers, weights, optimizer; not what tells
 * times.
 */
export function contents(folder: string): ReadonlyMap<string, string> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => !told.test(name) && statSync(join(folder, name)).isFile(),
  );
  return new Map(
    names.sort().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}

/** Files of which one run has another content than the other, or none. */
export function differences(whole: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  return [...new Set([...whole.keys(), ...other.keys()])].filter((name) => whole.get(name) !== other.get(name));
}
