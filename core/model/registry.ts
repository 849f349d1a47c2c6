/** The model families that can be trained, one a line. */
import type { ModelConfig } from "./files/config.ts";
import type { JsonObject } from "./files/json.ts";
import type { ModelFamily } from "./family.ts";
import type { VisionLanguageModel } from "./model.ts";
import { qwen2Vl } from "./families/qwen2-vl/index.ts";
import { qwen25Vl } from "./families/qwen2.5-vl/index.ts";
import { qwen3Vl } from "./families/qwen3-vl/index.ts";

export const families: readonly ModelFamily[] = [
  qwen25Vl,
  qwen3Vl,
  qwen2Vl,
];

/** What a known architecture lacks here, by `model_type`: said instead of "unknown". */
const refused: Readonly<Record<string, string>> = {};

/** The family of a parsed config.json. @throws Error naming what was found and what there is */
export function familyOf(raw: JsonObject): ModelFamily {
  const type = raw["model_type"];
  const family = families.find((known) => known.type === type);
  if (family !== undefined) return family;
  const supported = families.map((known) => known.type).join(", ");
  const lacks = typeof type === "string" && Object.hasOwn(refused, type) ? refused[type] : undefined;
  if (lacks !== undefined) throw new Error(`"${String(type)}" cannot be trained yet: ${lacks}; supported: ${supported}`);
  throw new Error(`an unknown architecture (model_type ${JSON.stringify(type)}, architectures ${JSON.stringify(raw["architectures"])}); supported: ${supported}`);
}

/** The model that a config describes. */
export const createModel = (config: ModelConfig): VisionLanguageModel => familyOf(config.raw).createModel(config);
