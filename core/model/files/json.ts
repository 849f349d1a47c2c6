/** JSON files of a model folder. */
import { readFile } from "node:fs/promises";
import { quoted } from "../../messages/shown.ts";

export type JsonObject = { readonly [key: string]: unknown };

/**
 * A JSON object from a file, or null when there is no such file.
 * @throws Error naming the file when it holds something else.
 */
export async function readJson(file: string): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON: ${quoted((cause as Error).message)}`, { cause });
  }
  if (!isObject(parsed)) throw new Error(`${file} holds no JSON object`);
  return parsed;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
