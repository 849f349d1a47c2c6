/** Qwen2-VL's config.json. Its tower calls its own width `embed_dim` and the decoder's `hidden_size`. */
import { z } from "zod";
import type { ModelConfig } from "../../files/config.ts";
import { check, count, demand, demandDivides, layerCount, width } from "../../files/config-fields.ts";
import type { JsonObject } from "../../files/json.ts";
import type { PatchSizes } from "../../layers/patch-order.ts";
import { parseQwenText, type QwenTextConfig } from "../qwen/config.ts";

export interface Qwen2VisionConfig extends PatchSizes {
  readonly depth: number;
  readonly intermediateSize: number;
  readonly outHiddenSize: number;
}

export interface Qwen2VlConfig extends ModelConfig {
  readonly text: QwenTextConfig;
  readonly vision: Qwen2VisionConfig;
}

/** Keys that a file leaves out have the defaults of transformers. */
const visionSchema = z.looseObject({
  depth: layerCount.default(32),
  embed_dim: width.default(1280),
  hidden_size: width.default(3584),
  num_heads: count.default(16),
  mlp_ratio: z.number().positive().max(1000).default(4),
  hidden_act: z.literal("quick_gelu").optional(),
  patch_size: count.default(14),
  spatial_merge_size: count.default(2),
  temporal_patch_size: count.default(2),
  in_channels: z.literal(3).optional(),
  in_chans: z.literal(3).optional(),
});

/** @throws Error naming the key and the value found. */
export function parseQwen2VlConfig(raw: JsonObject): Qwen2VlConfig {
  const { text, tokens } = parseQwenText(raw, { biases: true, ropeTheta: 1e6, rmsNormEps: 1e-5, mropeSection: [16, 24, 24] });
  const fields = check(visionSchema, raw["vision_config"], "vision_config.");
  const { embed_dim, hidden_size, num_heads } = fields;
  demandDivides(4 * num_heads, embed_dim, `vision embed_dim ${embed_dim} is not divisible by 4 × num_heads ${num_heads}`);
  demand(hidden_size === text.hiddenSize, `vision hidden_size ${hidden_size} is not the decoder's hidden_size ${text.hiddenSize}`);
  const vision = {
    depth: fields.depth,
    hiddenSize: embed_dim,
    heads: num_heads,
    intermediateSize: Math.trunc(embed_dim * fields.mlp_ratio),
    outHiddenSize: hidden_size,
    patchSize: fields.patch_size,
    mergeSize: fields.spatial_merge_size,
    temporalPatchSize: fields.temporal_patch_size,
    channels: fields.in_channels ?? fields.in_chans ?? 3,
  };
  return { family: "qwen2_vl", text, vision, tokens, raw };
}
