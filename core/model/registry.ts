/** The model families that can be trained, one a line. */
import type { ModelConfig } from "./files/config.ts";
import type { JsonObject } from "./files/json.ts";
import type { ModelFamily } from "./family.ts";
import type { VisionLanguageModel } from "./model.ts";
import { idefics3 } from "./families/idefics3/index.ts";
import { qwen2Vl } from "./families/qwen2-vl/index.ts";
import { qwen25Vl } from "./families/qwen2.5-vl/index.ts";
import { qwen3Vl } from "./families/qwen3-vl/index.ts";
import { smolVlm } from "./families/smolvlm/index.ts";

export const families: readonly ModelFamily[] = [qwen25Vl, qwen3Vl, qwen2Vl, smolVlm, idefics3];

/** What a known architecture lacks here, by `model_type`: said instead of "unknown". */
const refused: Readonly<Record<string, string>> = {
  qwen3_5:
    "its layers of linear attention carry a state from token to token, which neither the shared prefix nor the pass back computes",
  qwen3_5_moe:
    "its layers of linear attention carry a state from token to token, and its feed-forward layers are mixtures of experts",
  qwen3_vl_moe: "its feed-forward layers are mixtures of experts",
  internvl: "its tower (InternViT) and the choice of its tiles are missing",
  internvl_chat:
    "its tower (InternViT) and the choice of its tiles are missing; such folders hold their own code besides",
  gemma3: "its sliding windows, its attention in both directions among a picture's tokens and its tower are missing",
  llava_onevision: "the unpadding and pooling of its tiles are missing",
  idefics2: "its perceiver, which resamples a picture's tokens, is missing",
  mllama: "its layers of cross-attention are missing",
  qwen2_5_omni: "it hears and speaks besides; its parts for pictures alone are Qwen2.5-VL's",
};

/** The family of a parsed config.json. @throws Error naming what was found and what there is */
export function familyOf(raw: JsonObject): ModelFamily {
  const type = raw["model_type"];
  const family = families.find((known) => known.type === type);
  if (family !== undefined) return family;
  const supported = families.map((known) => known.type).join(", ");
  const found = `model_type ${JSON.stringify(type) ?? "none"}, architectures ${JSON.stringify(raw["architectures"]) ?? "none"}`;
  const lacks = typeof type === "string" && Object.hasOwn(refused, type) ? refused[type] : undefined;
  if (lacks !== undefined)
    throw new Error(`an architecture that cannot be trained yet (${found}): ${lacks}; supported: ${supported}`);
  throw new Error(`an unknown architecture (${found}); supported: ${supported}`);
}

/** The model that a config describes. */
export const createModel = (config: ModelConfig): VisionLanguageModel => familyOf(config.raw).createModel(config);
