/** Files of one JSON value: those of a run, and those that a user gives. */
import type { z } from "zod";
import { faultsOf } from "../options/options.ts";
import { quoted } from "../messages/shown.ts";
import { readSmallFile } from "./regular-file.ts";

/**
 * What a JSON file holds.
 * @param advice what to do about a file that is damaged, for the message
 * @throws Error naming the file, the place, the cause and that
 */
export function readJsonFile<S extends z.ZodType>(file: string, schema: S, advice: string): z.output<S> {
  const wrong = (what: string, cause: unknown): Error => new Error(`${file} ${what}: ${advice}`, { cause });
  const text = readSmallFile(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(damageOf(text, (error as Error).message), error);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw wrong(`holds something else than it should (${quoted(faultsOf(parsed.error, value))})`, parsed.error);
  return parsed.data;
}

/** Where a text stops being JSON, and why. @param said by the parser */
function damageOf(text: string, said: string): string {
  if (text.trim() === "") return "is empty";
  const zero = text.indexOf("\0");
  if (zero >= 0)
    return `is damaged: zero bytes from byte ${Buffer.byteLength(text.slice(0, zero))} on, as a power cut leaves them`;
  const position = /at position (\d+)/.exec(said)?.[1];
  const before = position === undefined ? null : text.slice(0, Number(position)).split("\n");
  const place = before === null ? "" : `, line ${before.length}, column ${before.at(-1)!.length + 1}`;
  return `is no JSON${place} (${quoted(said)})`;
}
