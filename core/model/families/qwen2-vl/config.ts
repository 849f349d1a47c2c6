/** Qwen2-VL's config.json. Its tower calls its own width `embed_dim` and the decoder's `hidden_size`. */
import { z } from "zod";
import type { ModelConfig } from "../../files/config.ts";
import { check, count, demand, layerCount, width } from "../../files/config-fields.ts";
import type { JsonObject } from "../../files/json.ts";
import {
  parseQwenText,
  patchSizesOf,
  type QwenTextConfig,
  type QwenVisionConfig,
  towerFields,
} from "../qwen/config.ts";

export type Qwen2VisionConfig = QwenVisionConfig;

export interface Qwen2VlConfig extends ModelConfig {
  readonly text: QwenTextConfig;
  readonly vision: Qwen2VisionConfig;
}

/** Keys that a file leaves out have the defaults of transformers. */
const visionSchema = z.looseObject({
  ...towerFields,
  depth: layerCount.default(32),
  embed_dim: width.default(1280),
  hidden_size: width.default(3584),
  mlp_ratio: z.number().positive().max(1000).default(4),
  hidden_act: z.literal("quick_gelu").optional(),
  patch_size: count.default(14),
  in_chans: z.literal(3).optional(),
});

/** @throws Error naming the key and the value found. */
export function parseQwen2VlConfig(raw: JsonObject): Qwen2VlConfig {
  const { text, tokens } = parseQwenText(raw, {
    biases: true,
    ropeTheta: 1e6,
    rmsNormEps: 1e-5,
    mropeSection: [16, 24, 24],
  });
  const fields = check(visionSchema, raw["vision_config"], "vision_config.");
  const { embed_dim, hidden_size } = fields;
  const sizes = patchSizesOf(fields, "embed_dim", embed_dim);
  demand(
    hidden_size === text.hiddenSize,
    `vision hidden_size ${hidden_size} is not the decoder's hidden_size ${text.hiddenSize}`,
  );
  const vision = {
    ...sizes,
    depth: fields.depth,
    intermediateSize: Math.trunc(embed_dim * fields.mlp_ratio),
    outHiddenSize: hidden_size,
  };
  return { family: "qwen2_vl", text, vision, tokens, raw };
}
