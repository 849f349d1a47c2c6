/** SmolVLM's config.json; Idefics3's is the same but for its name. */
import { z } from "zod";
import type { ModelConfig } from "../../files/config.ts";
import {
  check,
  checkDecoder,
  count,
  demand,
  demandDivides,
  endTokens,
  id,
  ids,
  layerCount,
  ropeFields,
  ropeOf,
  textSection,
  tiedOf,
  width,
} from "../../files/config-fields.ts";
import type { JsonObject } from "../../files/json.ts";

export interface TileVisionConfig {
  readonly depth: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly epsilon: number;
  /** Side of a tile and of a patch, pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly channels: number;
  /** Patches a side that become one visual token. */
  readonly scaleFactor: number;
}

export interface TileModelConfig extends ModelConfig {
  readonly vision: TileVisionConfig;
}

/** Keys that a file leaves out have the defaults of transformers: the decoder's are Llama's. */
const textSchema = z.looseObject({
  model_type: z.literal("llama", "only Llama's decoder is supported").optional(),
  hidden_size: width.default(4096),
  num_hidden_layers: layerCount.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  intermediate_size: width.default(11_008),
  vocab_size: width.default(32_000),
  rms_norm_eps: z.number().positive().default(1e-5),
  hidden_act: z.literal("silu").optional(),
  attention_bias: z.literal(false, "biases in attention are not supported").optional(),
  mlp_bias: z.literal(false, "biases in feed-forward layers are not supported").optional(),
  ...ropeFields,
  pad_token_id: id.nullish(),
  eos_token_id: ids.nullish(),
});

const visionSchema = z.looseObject({
  num_hidden_layers: layerCount.default(12),
  hidden_size: width.default(1152),
  num_attention_heads: count.default(16),
  intermediate_size: width.default(3072),
  layer_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.literal("gelu_pytorch_tanh").optional(),
  image_size: count.default(224),
  patch_size: count.default(32),
  num_channels: z.literal(3).optional(),
});

const rootSchema = z.looseObject({
  image_token_id: id.default(128_257),
  scale_factor: count.default(2),
  pad_token_id: id.nullish(),
  eos_token_id: ids.nullish(),
});

/**
 * Sides of a tile, in patches, at which transformers 5.23 gives some patches the learned position before their own: it
 * looks a patch's fraction of the side up among the fractions where positions begin, both rounded to float32. Weights
 * used there must have been trained with it.
 */
const misplacedSides = [19, 25, 29, 31, 38, 40, 41, 43, 47, 49, 50, 54, 55, 58, 59, 61, 62];
const mostPatches = 64;

/** @throws Error naming the key and the value found. */
export function parseTileModelConfig(family: string, raw: JsonObject): TileModelConfig {
  const root = check(rootSchema, raw, "");
  const { fields: section, prefix } = textSection(raw);
  const fields = check(textSchema, prefix === "" ? section : raw["text_config"], prefix);
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields;
  const headSize = fields.head_dim ?? hiddenSize / heads;
  demand(Number.isInteger(headSize), `hidden_size ${hiddenSize} is not divisible by num_attention_heads ${heads}`);
  const text = {
    hiddenSize,
    layers: fields.num_hidden_layers,
    heads,
    kvHeads: fields.num_key_value_heads ?? heads,
    headSize,
    intermediateSize: fields.intermediate_size,
    vocabSize: fields.vocab_size,
    rmsNormEps: fields.rms_norm_eps,
    ropeTheta: ropeOf(fields, 10_000).theta,
    tieWordEmbeddings: tiedOf(raw),
  };
  const tokens = {
    image: root.image_token_id,
    pad: fields.pad_token_id ?? null,
    eos: endTokens(fields.eos_token_id, root.eos_token_id),
    reserved: [],
  };
  checkDecoder(text, tokens);
  return {
    family,
    text,
    vision: visionOf(check(visionSchema, raw["vision_config"], "vision_config."), root.scale_factor),
    tokens,
    raw,
  };
}

function visionOf(fields: z.output<typeof visionSchema>, scaleFactor: number): TileVisionConfig {
  const { hidden_size, num_attention_heads, image_size, patch_size } = fields;
  demandDivides(
    num_attention_heads,
    hidden_size,
    `vision hidden_size ${hidden_size} is not divisible by num_attention_heads ${num_attention_heads}`,
  );
  const side = Math.floor(image_size / patch_size);
  demand(side > 0, `vision patch_size ${patch_size} is larger than image_size ${image_size}`);
  demand(
    side <= mostPatches,
    `${side} patches a side (image_size ${image_size}, patch_size ${patch_size}) are more than the ${mostPatches} supported`,
  );
  demand(
    !misplacedSides.includes(side),
    `at ${side} patches a side (image_size ${image_size}, patch_size ${patch_size}) transformers rounds some patches to another's position, which is not repeated here`,
  );
  demandDivides(
    scaleFactor,
    side,
    `${side} patches a side (image_size ${image_size}, patch_size ${patch_size}) are not divisible by scale_factor ${scaleFactor}`,
  );
  return {
    depth: fields.num_hidden_layers,
    hiddenSize: hidden_size,
    heads: num_attention_heads,
    intermediateSize: fields.intermediate_size,
    epsilon: fields.layer_norm_eps,
    imageSize: image_size,
    patchSize: patch_size,
    channels: fields.num_channels ?? 3,
    scaleFactor,
  };
}
