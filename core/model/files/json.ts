/** JSON files of a model folder. */
import { readRegularFile } from "../../machine/regular-file.ts";
import { quoted } from "../../messages/shown.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** Bytes of a file of a model folder that is no weights: the largest published tokenizers have 35 million. */
const mostBytes = 2 ** 28;

/** @throws Error of the file system, or saying that it is no file, or larger than 256 MiB */
export const readModelFile = (file: string): Promise<Buffer> => readRegularFile(file, mostBytes);

/** The same, as a text. */
export const readModelText = async (file: string): Promise<string> => (await readModelFile(file)).toString("utf8");

/**
 * A JSON object from a file, or null when there is no such file.
 * @throws Error naming the file when it holds something else.
 */
export async function readJson(file: string): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readModelText(file);
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
