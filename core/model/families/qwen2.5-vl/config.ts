/** Qwen2.5-VL's config.json: nested (text_config, rope_parameters) as transformers 5 writes it, and flat (rope_scaling) as the hub has it. */
import { z } from "zod";
import type { JsonObject, ModelConfig, TextConfig, TokenIds, VisionConfig } from "../../files/config.ts";

const count = z.int().positive();
const id = z.int().nonnegative();
/** Far beyond any real model; a hostile file must not make us name a billion parameters. */
const layerCount = count.max(1000);
const section = z.tuple([count, count, count]);

const ropeSchema = z.looseObject({
  rope_theta: z.number().positive().optional(),
  mrope_section: section.optional(),
  rope_type: z.string().optional(),
  type: z.string().optional(),
});

const textSchema = z.looseObject({
  hidden_size: count,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  num_key_value_heads: count,
  head_dim: count.nullish(),
  intermediate_size: count,
  vocab_size: count,
  rms_norm_eps: z.number().positive(),
  hidden_act: z.literal("silu").optional(),
  use_sliding_window: z.literal(false, "sliding-window attention is not supported").nullish(),
  rope_theta: z.number().positive().optional(),
  rope_parameters: ropeSchema.nullish(),
  rope_scaling: ropeSchema.nullish(),
  pad_token_id: id.nullish(),
  eos_token_id: z.union([id, z.array(id)]).nullish(),
});

/** Keys that older files omit have the defaults of transformers. */
const visionSchema = z.looseObject({
  depth: layerCount,
  hidden_size: count,
  num_heads: count,
  intermediate_size: count,
  out_hidden_size: count,
  hidden_act: z.literal("silu").optional(),
  patch_size: count.default(14),
  spatial_merge_size: count.default(2),
  temporal_patch_size: count.default(2),
  in_channels: z.literal(3).optional(),
  in_chans: z.literal(3).optional(),
  window_size: count.default(112),
  fullatt_block_indexes: z.array(id).default([7, 15, 23, 31]),
});

const rootSchema = z.looseObject({
  tie_word_embeddings: z.boolean().optional(),
  image_token_id: id,
  vision_start_token_id: id,
  video_token_id: id.nullish(),
  vision_end_token_id: id.nullish(),
  vision_token_id: id.nullish(),
  pad_token_id: id.nullish(),
  eos_token_id: z.union([id, z.array(id)]).nullish(),
});

/** @throws Error naming the key and the value found. */
export function parseQwen25VlConfig(raw: JsonObject): ModelConfig {
  const root = check(rootSchema, raw, "");
  const nested = raw["text_config"];
  const textRaw = isObject(nested) ? { ...raw, ...nested } : raw;
  const textFields = check(textSchema, textRaw, isObject(nested) ? "text_config." : "");
  const vision = visionOf(check(visionSchema, raw["vision_config"], "vision_config."));
  const tied = root.tie_word_embeddings ?? (isObject(nested) ? nested["tie_word_embeddings"] : undefined) ?? false;
  const text = textOf(textFields, tied === true);
  const config = { family: "qwen2_5_vl", text, vision, tokens: tokensOf(root, textFields), raw };
  checkConsistency(config);
  return config;
}

function textOf(fields: z.output<typeof textSchema>, tieWordEmbeddings: boolean): TextConfig {
  const rope = { ...fields.rope_scaling, ...fields.rope_parameters };
  const type = rope.rope_type ?? rope.type ?? "default";
  demand(type === "default" || type === "mrope", `rotary positions of type "${type}" are not supported, only "default" with mrope_section`);
  demand(rope.mrope_section !== undefined, "mrope_section is missing from rope_parameters (or rope_scaling)");
  const ropeTheta = rope.rope_theta ?? fields.rope_theta;
  demand(ropeTheta !== undefined, "rope_theta is missing");
  const headSize = fields.hidden_size / fields.num_attention_heads;
  demand((fields.head_dim ?? headSize) === headSize, `head_dim ${fields.head_dim} is not hidden_size / num_attention_heads, ${headSize}`);
  return {
    hiddenSize: fields.hidden_size,
    layers: fields.num_hidden_layers,
    heads: fields.num_attention_heads,
    kvHeads: fields.num_key_value_heads,
    headSize,
    intermediateSize: fields.intermediate_size,
    vocabSize: fields.vocab_size,
    rmsNormEps: fields.rms_norm_eps,
    ropeTheta,
    mropeSection: rope.mrope_section,
    tieWordEmbeddings,
  };
}

function visionOf(fields: z.output<typeof visionSchema>): VisionConfig {
  return {
    depth: fields.depth,
    hiddenSize: fields.hidden_size,
    heads: fields.num_heads,
    intermediateSize: fields.intermediate_size,
    outHiddenSize: fields.out_hidden_size,
    patchSize: fields.patch_size,
    mergeSize: fields.spatial_merge_size,
    temporalPatchSize: fields.temporal_patch_size,
    channels: fields.in_channels ?? fields.in_chans ?? 3,
    windowSize: fields.window_size,
    fullAttentionBlocks: fields.fullatt_block_indexes,
  };
}

function tokensOf(root: z.output<typeof rootSchema>, text: z.output<typeof textSchema>): TokenIds {
  return {
    image: root.image_token_id,
    visionStart: root.vision_start_token_id,
    video: root.video_token_id ?? null,
    visionEnd: root.vision_end_token_id ?? null,
    visionPad: root.vision_token_id ?? null,
    pad: root.pad_token_id ?? text.pad_token_id ?? null,
    eos: [root.eos_token_id ?? text.eos_token_id ?? []].flat(),
  };
}

function checkConsistency({ text, vision, tokens }: ModelConfig): void {
  const divides = (part: number, whole: number, message: string) => demand(whole % part === 0, message);
  divides(text.heads, text.hiddenSize, `hidden_size ${text.hiddenSize} is not divisible by num_attention_heads ${text.heads}`);
  divides(text.kvHeads, text.heads, `num_attention_heads ${text.heads} is not divisible by num_key_value_heads ${text.kvHeads}`);
  const rotated = 2 * text.mropeSection.reduce((sum, part) => sum + part, 0);
  demand(rotated === text.headSize, `mrope_section [${text.mropeSection.join(", ")}] covers ${rotated} of a head's ${text.headSize} values`);
  divides(4 * vision.heads, vision.hiddenSize, `vision hidden_size ${vision.hiddenSize} is not divisible by 4 × num_heads ${vision.heads}`);
  const { outHiddenSize } = vision;
  demand(outHiddenSize === text.hiddenSize, `vision out_hidden_size ${outHiddenSize} is not the decoder's hidden_size ${text.hiddenSize}`);
  const block = vision.patchSize * vision.mergeSize;
  divides(block, vision.windowSize, `window_size ${vision.windowSize} is not a multiple of patch_size × spatial_merge_size, ${block}`);
  const outside = vision.fullAttentionBlocks.find((block) => block >= vision.depth);
  demand(outside === undefined, `fullatt_block_indexes names block ${outside}, and depth is ${vision.depth}`);
  for (const [name, value] of Object.entries(tokens)) {
    for (const token of [value ?? []].flat()) demand(token < text.vocabSize, `the ${name} token ${token} is outside vocab_size ${text.vocabSize}`);
  }
}

function check<T extends z.ZodType>(schema: T, value: unknown, prefix: string): z.output<T> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  throw new Error(result.error.issues.map((issue) => `${prefix}${issue.path.join(".")}: ${issue.message}`).join("; "));
}

function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
