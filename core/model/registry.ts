/** The model families that can be trained. A new one: its config parser in config.ts, its model here. */
import type { ModelConfig } from "./files/config.ts";
import type { VisionLanguageModel } from "./model.ts";
import { createQwen25Vl } from "./families/qwen2.5-vl/index.ts";

const families = new Map<string, (config: ModelConfig) => VisionLanguageModel>([["qwen2_5_vl", createQwen25Vl]]);

/** The model that a config describes. */
export function createModel(config: ModelConfig): VisionLanguageModel {
  const create = families.get(config.family);
  if (!create) throw new Error(`no model is registered for "${config.family}"; there are ${[...families.keys()].join(", ")}`);
  return create(config);
}
