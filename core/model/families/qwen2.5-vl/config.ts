/**
 * Qwen2.5-VL's config.json: nested (text_config, rope_parameters) as transformers 5 writes it, and flat (rope_scaling)
 * as the hub has it.
 */
import { z } from "zod";
import type { ModelConfig } from "../../files/config.ts";
import { check, count, demand, demandDivides, id, layerCount, width } from "../../files/config-fields.ts";
import type { JsonObject } from "../../files/json.ts";
import {
  parseQwenText,
  patchSizesOf,
  type QwenTextConfig,
  type QwenVisionConfig,
  towerFields,
} from "../qwen/config.ts";

export interface Qwen25VisionConfig extends QwenVisionConfig {
  /** Side of an attention window, pixels. */
  readonly windowSize: number;
  /** Blocks that attend to the whole picture. */
  readonly fullAttentionBlocks: readonly number[];
}

export interface Qwen25VlConfig extends ModelConfig {
  readonly text: QwenTextConfig;
  readonly vision: Qwen25VisionConfig;
}

/** Keys that a file leaves out have the defaults of transformers. */
const visionSchema = z.looseObject({
  ...towerFields,
  depth: layerCount.default(32),
  hidden_size: width.default(3584),
  intermediate_size: width.default(3420),
  out_hidden_size: width.default(3584),
  hidden_act: z.literal("silu").optional(),
  patch_size: count.default(14),
  in_chans: z.literal(3).optional(),
  window_size: count.default(112),
  fullatt_block_indexes: z.array(id).default([7, 15, 23, 31]),
});

/** @throws Error naming the key and the value found. */
export function parseQwen25VlConfig(raw: JsonObject): Qwen25VlConfig {
  const { text, tokens } = parseQwenText(raw, {
    biases: true,
    ropeTheta: 1e6,
    rmsNormEps: 1e-5,
    mropeSection: [16, 24, 24],
  });
  const vision = visionOf(check(visionSchema, raw["vision_config"], "vision_config."));
  demand(
    vision.outHiddenSize === text.hiddenSize,
    `vision out_hidden_size ${vision.outHiddenSize} is not the decoder's hidden_size ${text.hiddenSize}`,
  );
  return { family: "qwen2_5_vl", text, vision, tokens, raw };
}

function visionOf(fields: z.output<typeof visionSchema>): Qwen25VisionConfig {
  const { hidden_size, patch_size, spatial_merge_size, window_size, fullatt_block_indexes, depth } = fields;
  const sizes = patchSizesOf(fields, "hidden_size", hidden_size);
  const block = patch_size * spatial_merge_size;
  demandDivides(
    block,
    window_size,
    `window_size ${window_size} is not a multiple of patch_size × spatial_merge_size, ${block}`,
  );
  const outside = fullatt_block_indexes.find((index) => index >= depth);
  demand(outside === undefined, `fullatt_block_indexes names block ${outside}, and depth is ${depth}`);
  return {
    ...sizes,
    depth,
    intermediateSize: fields.intermediate_size,
    outHiddenSize: fields.out_hidden_size,
    windowSize: window_size,
    fullAttentionBlocks: fullatt_block_indexes,
  };
}
