/** config.json of a folder. */
import { join } from "node:path";
import { familyOf } from "../registry.ts";
import type { ModelConfig } from "./config.ts";
import { readJson } from "./json.ts";

/**
 * Read `config.json` of a model folder.
 * @throws Error naming the file when it is missing, no JSON, of an unknown architecture, or inconsistent.
 */
export async function readModelConfig(folder: string): Promise<ModelConfig> {
  const file = join(folder, "config.json");
  const raw = await readJson(file);
  if (raw === null) throw new Error(`${folder} holds no config.json: is it a model folder?`);
  try {
    return familyOf(raw).parseConfig(raw);
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause });
  }
}
