/** Qwen3-VL's config.json. */
import { z } from "zod";
import type { ModelConfig } from "../../files/config.ts";
import { check, count, demand, id, layerCount, width } from "../../files/config-fields.ts";
import type { JsonObject } from "../../files/json.ts";
import {
  parseQwenText,
  patchSizesOf,
  type QwenTextConfig,
  type QwenVisionConfig,
  towerFields,
} from "../qwen/config.ts";

export interface Qwen3VisionConfig extends QwenVisionConfig {
  /** Side of the square table of learned positions, which is resampled to each picture's grid. */
  readonly positionSide: number;
  /**
   * Blocks after which a merger gives features of its own, added after as many of the decoder's layers
   * (arXiv:2406.04334).
   */
  readonly deepBlocks: readonly number[];
}

export interface Qwen3VlConfig extends ModelConfig {
  readonly text: QwenTextConfig;
  readonly vision: Qwen3VisionConfig;
}

/** Keys that a file leaves out have the defaults of transformers. */
const visionSchema = z.looseObject({
  ...towerFields,
  depth: layerCount.default(27),
  hidden_size: width.default(1152),
  intermediate_size: width.default(4304),
  out_hidden_size: width.default(3584),
  hidden_act: z.literal("gelu_pytorch_tanh").optional(),
  patch_size: count.default(16),
  num_position_embeddings: width.default(2304),
  deepstack_visual_indexes: z.array(id).default([8, 16, 24]),
});

/** @throws Error naming the key and the value found. */
export function parseQwen3VlConfig(raw: JsonObject): Qwen3VlConfig {
  const { text, tokens } = parseQwenText(raw, {
    biases: false,
    ropeTheta: 5e5,
    rmsNormEps: 1e-6,
    mropeSection: [24, 20, 20],
    interleaved: true,
    headSize: 128,
    sizes: { hidden: 4096, layers: 32, heads: 32, kvHeads: 32, intermediate: 22_016, vocabulary: 151_936 },
  });
  const vision = visionOf(check(visionSchema, raw["vision_config"], "vision_config."));
  demand(
    vision.outHiddenSize === text.hiddenSize,
    `vision out_hidden_size ${vision.outHiddenSize} is not the decoder's hidden_size ${text.hiddenSize}`,
  );
  const deep = vision.deepBlocks.length;
  demand(
    deep <= text.layers,
    `deepstack_visual_indexes names ${deep} blocks, and the decoder has ${text.layers} layers to add their features after`,
  );
  return { family: "qwen3_vl", text, vision, tokens, raw };
}

function visionOf(fields: z.output<typeof visionSchema>): Qwen3VisionConfig {
  const { hidden_size, depth, num_position_embeddings, deepstack_visual_indexes } = fields;
  const sizes = patchSizesOf(fields, "hidden_size", hidden_size);
  const side = Math.sqrt(num_position_embeddings);
  demand(
    Number.isInteger(side),
    `num_position_embeddings ${num_position_embeddings} is not the square of a whole number`,
  );
  const outside = deepstack_visual_indexes.find((index) => index >= depth);
  demand(outside === undefined, `deepstack_visual_indexes names block ${outside}, and depth is ${depth}`);
  const distinct = new Set(deepstack_visual_indexes).size;
  demand(
    distinct === deepstack_visual_indexes.length,
    `deepstack_visual_indexes [${deepstack_visual_indexes.join(", ")}] names a block twice`,
  );
  return {
    ...sizes,
    depth,
    intermediateSize: fields.intermediate_size,
    outHiddenSize: fields.out_hidden_size,
    positionSide: side,
    deepBlocks: deepstack_visual_indexes,
  };
}
