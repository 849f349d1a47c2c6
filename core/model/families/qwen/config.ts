/** What the configs of the Qwen-VL families have in common: the decoder and the tokens' ids. */
import { z } from "zod";
import type { TextConfig, TokenIds } from "../../files/config.ts";
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
import type { PatchSizes } from "../../layers/patch-order.ts";

export interface QwenTextConfig extends TextConfig {
  /** Rotary frequencies given to time, height and width; they sum to headSize / 2. */
  readonly mropeSection: readonly [time: number, height: number, width: number];
}

/** Of a vision tower. */
export interface QwenVisionConfig extends PatchSizes {
  readonly depth: number;
  readonly intermediateSize: number;
  readonly outHiddenSize: number;
}

/** What the families' towers call alike and have alike where a file leaves it out. */
export const towerFields = {
  num_heads: count.default(16),
  spatial_merge_size: count.default(2),
  temporal_patch_size: count.default(2),
  in_channels: z.literal(3).optional(),
};

type TowerFields = z.output<z.ZodObject<typeof towerFields>> & { readonly patch_size: number };

/**
 * Sizes of a tower's patches and heads; pictures have three channels.
 * @param name what the file calls the tower's width
 * @throws Error where heads do not fit it
 */
export function patchSizesOf(fields: TowerFields, name: string, width: number): PatchSizes {
  const { num_heads: heads } = fields;
  demandDivides(4 * heads, width, `vision ${name} ${width} is not divisible by 4 × num_heads ${heads}`);
  return {
    hiddenSize: width,
    heads,
    patchSize: fields.patch_size,
    mergeSize: fields.spatial_merge_size,
    temporalPatchSize: fields.temporal_patch_size,
    channels: fields.in_channels ?? 3,
  };
}

/** What a family has where a file leaves it out: the defaults of transformers. */
export interface QwenTextDefaults {
  /** Biases of queries, keys and values: fixed in the architecture, which the file may repeat as `attention_bias`. */
  readonly biases: boolean;
  readonly ropeTheta: number;
  readonly rmsNormEps: number;
  readonly mropeSection: readonly [number, number, number];
  /** Height and width have every third frequency instead of a stretch of them. Default false. */
  readonly interleaved?: boolean;
  readonly sizes?: {
    readonly hidden: number;
    readonly layers: number;
    readonly heads: number;
    readonly kvHeads: number;
    readonly intermediate: number;
    readonly vocabulary: number;
  };
  /** Where the head's size does not follow from `hidden_size`. */
  readonly headSize?: number;
}

/** Of the two older families, which are of the same make. */
const usualSizes = { hidden: 8192, layers: 80, heads: 64, kvHeads: 8, intermediate: 29_568, vocabulary: 152_064 };

const textSchema = z.looseObject({
  hidden_size: width.nullish(),
  num_hidden_layers: layerCount.nullish(),
  num_attention_heads: count.nullish(),
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  intermediate_size: width.nullish(),
  vocab_size: width.nullish(),
  rms_norm_eps: z.number().positive().nullish(),
  hidden_act: z.literal("silu").nullish(),
  attention_bias: z.boolean().nullish(),
  use_sliding_window: z.literal(false, "sliding-window attention is not supported").nullish(),
  layer_types: z.array(z.literal("full_attention", "only full attention is supported")).nullish(),
  ...ropeFields,
  pad_token_id: id.nullish(),
  eos_token_id: ids.nullish(),
});

const rootSchema = z.looseObject({
  image_token_id: id.default(151_655),
  video_token_id: id.nullable().default(151_656),
  vision_start_token_id: id.nullable().default(151_652),
  vision_end_token_id: id.nullable().default(151_653),
  vision_token_id: id.nullish(),
  pad_token_id: id.nullish(),
  eos_token_id: ids.nullish(),
});

/** @throws Error naming the key and the value found. */
export function parseQwenText(raw: JsonObject, defaults: QwenTextDefaults): { text: QwenTextConfig; tokens: TokenIds } {
  const root = check(rootSchema, raw, "");
  const { fields: section, prefix } = textSection(raw);
  const fields = check(textSchema, section, prefix);
  const text = textOf(fields, defaults, tiedOf(raw));
  const tokens: TokenIds = {
    image: root.image_token_id,
    pad: root.pad_token_id ?? fields.pad_token_id ?? null,
    eos: endTokens(root.eos_token_id, fields.eos_token_id),
    reserved: [root.video_token_id, root.vision_start_token_id, root.vision_end_token_id, root.vision_token_id].filter(
      (token) => token !== null && token !== undefined,
    ),
  };
  checkDecoder(text, tokens);
  return { text, tokens };
}

function textOf(
  fields: z.output<typeof textSchema>,
  defaults: QwenTextDefaults,
  tieWordEmbeddings: boolean,
): QwenTextConfig {
  const sizes = defaults.sizes ?? usualSizes;
  const hiddenSize = fields.hidden_size ?? sizes.hidden;
  const heads = fields.num_attention_heads ?? sizes.heads;
  if (defaults.headSize === undefined)
    demandDivides(heads, hiddenSize, `hidden_size ${hiddenSize} is not divisible by num_attention_heads ${heads}`);
  const headSize = fields.head_dim ?? defaults.headSize ?? hiddenSize / heads;
  if (defaults.headSize === undefined)
    demand(
      headSize === hiddenSize / heads,
      `head_dim ${headSize} is not hidden_size / num_attention_heads, ${hiddenSize / heads}`,
    );
  demand(
    (fields.attention_bias ?? defaults.biases) === defaults.biases,
    `attention_bias ${fields.attention_bias} is not supported, only ${defaults.biases}`,
  );
  const rope = ropeOf(fields, defaults.ropeTheta);
  const mropeSection = rope.mrope_section ?? defaults.mropeSection;
  const rotated = 2 * mropeSection.reduce((sum, part) => sum + part, 0);
  // Interleaved sections overwrite frequencies of time, as far as there are any.
  if (!defaults.interleaved)
    demand(
      rotated === headSize,
      `mrope_section [${mropeSection.join(", ")}] covers ${rotated} of a head's ${headSize} values`,
    );
  return {
    hiddenSize,
    layers: fields.num_hidden_layers ?? sizes.layers,
    heads,
    kvHeads: fields.num_key_value_heads ?? sizes.kvHeads,
    headSize,
    intermediateSize: fields.intermediate_size ?? sizes.intermediate,
    vocabSize: fields.vocab_size ?? sizes.vocabulary,
    rmsNormEps: fields.rms_norm_eps ?? defaults.rmsNormEps,
    ropeTheta: rope.theta,
    mropeSection,
    tieWordEmbeddings,
  };
}
