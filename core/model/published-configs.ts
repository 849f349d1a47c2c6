/** What of published models' config.json decides shapes and positions; the rest has the defaults of transformers. */
import type { JsonObject } from "./files/json.ts";

/** Hidden size, intermediate size, layers, heads, heads of keys and values. */
type Decoder = readonly [width: number, intermediate: number, layers: number, heads: number, keyValueHeads: number];

const decoder = ([width, intermediate, layers, heads, keyValueHeads]: Decoder): JsonObject => ({
  hidden_size: width,
  intermediate_size: intermediate,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: keyValueHeads,
});

interface Qwen {
  readonly text: Decoder;
  /** Whether the head's weights are the embeddings, as in the small ones. */
  readonly tied?: boolean;
  readonly vocabulary?: number;
}

const qwenTokens = {
  image_token_id: 151655,
  video_token_id: 151656,
  vision_start_token_id: 151652,
  vision_end_token_id: 151653,
};
const qwenPatches = { spatial_merge_size: 2, temporal_patch_size: 2 };

/** @param common what the decoders of a family have in common beside positions */
function qwen(
  type: string,
  { text, tied = false, vocabulary = tied ? 151936 : 152064 }: Qwen,
  common: JsonObject,
  positions: JsonObject,
  tower: JsonObject,
): JsonObject {
  return {
    model_type: type,
    tie_word_embeddings: tied,
    text_config: {
      ...decoder(text),
      vocab_size: vocabulary,
      rms_norm_eps: 1e-6,
      ...common,
      tie_word_embeddings: tied,
      rope_parameters: { rope_type: "default", ...positions },
    },
    vision_config: { ...tower, ...qwenPatches },
    ...qwenTokens,
  };
}

const sections = { rope_theta: 1000000, mrope_section: [16, 24, 24] };

const qwen25Vl = (sizes: Qwen, towerIntermediate: number): JsonObject =>
  qwen("qwen2_5_vl", sizes, { max_position_embeddings: 128000 }, sections, {
    depth: 32,
    hidden_size: 1280,
    intermediate_size: towerIntermediate,
    num_heads: 16,
    out_hidden_size: sizes.text[0],
    patch_size: 14,
    window_size: 112,
    fullatt_block_indexes: [7, 15, 23, 31],
  });

const qwen2Vl = (sizes: Qwen): JsonObject =>
  qwen("qwen2_vl", sizes, { max_position_embeddings: 32768 }, sections, {
    depth: 32,
    embed_dim: 1280,
    hidden_size: sizes.text[0],
    num_heads: 16,
    mlp_ratio: 4,
    patch_size: 14,
  });

interface DeepTower {
  readonly depth: number;
  readonly width: number;
  readonly intermediate: number;
  /** Blocks whose features go into the decoder's first layers. */
  readonly deep: readonly number[];
}

const qwen3Vl = (sizes: Qwen, { depth, width, intermediate, deep }: DeepTower): JsonObject =>
  qwen(
    "qwen3_vl",
    { ...sizes, vocabulary: 151936 },
    { head_dim: 128, max_position_embeddings: 262144, attention_bias: false },
    { rope_theta: 5000000, mrope_section: [24, 20, 20], mrope_interleaved: true },
    {
      depth,
      hidden_size: width,
      intermediate_size: intermediate,
      num_heads: 16,
      out_hidden_size: sizes.text[0],
      patch_size: 16,
      num_position_embeddings: 2304,
      deepstack_visual_indexes: [...deep],
    },
  );

interface Smol {
  readonly text: Decoder;
  readonly theta?: number;
  /** Tokens of a tile that become one, by side. */
  readonly scale: number;
  readonly tower: readonly [
    width: number,
    intermediate: number,
    layers: number,
    heads: number,
    side: number,
    patch: number,
  ];
}

const smolVlm = ({
  text,
  theta = 100000,
  scale,
  tower: [width, intermediate, layers, heads, side, patch],
}: Smol): JsonObject => ({
  model_type: "smolvlm",
  scale_factor: scale,
  tie_word_embeddings: false,
  image_token_id: 49190,
  text_config: {
    model_type: "llama",
    ...decoder(text),
    head_dim: 64,
    vocab_size: 49280,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 8192,
    tie_word_embeddings: false,
    rope_parameters: { rope_type: "default", rope_theta: theta },
  },
  vision_config: {
    hidden_size: width,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    image_size: side,
    patch_size: patch,
  },
});

const smallDeep = { depth: 24, width: 1024, intermediate: 4096, deep: [5, 11, 17] };
const largeDeep = { depth: 27, width: 1152, intermediate: 4304, deep: [8, 16, 24] };
const smallTiles = [768, 3072, 12, 12, 512, 16] as const;

export const publishedConfigs: Readonly<Record<string, JsonObject>> = {
  "Qwen/Qwen2.5-VL-3B-Instruct": qwen25Vl({ text: [2048, 11008, 36, 16, 2], tied: true }, 3420),
  "Qwen/Qwen2.5-VL-7B-Instruct": qwen25Vl({ text: [3584, 18944, 28, 28, 4] }, 3420),
  "Qwen/Qwen2.5-VL-32B-Instruct": qwen25Vl({ text: [5120, 27648, 64, 40, 8] }, 3456),
  "Qwen/Qwen2.5-VL-72B-Instruct": qwen25Vl({ text: [8192, 29568, 80, 64, 8] }, 3456),
  "Qwen/Qwen2-VL-2B-Instruct": qwen2Vl({ text: [1536, 8960, 28, 12, 2], tied: true }),
  "Qwen/Qwen2-VL-7B-Instruct": qwen2Vl({ text: [3584, 18944, 28, 28, 4] }),
  "Qwen/Qwen3-VL-2B-Instruct": qwen3Vl({ text: [2048, 6144, 28, 16, 8], tied: true }, smallDeep),
  "Qwen/Qwen3-VL-4B-Instruct": qwen3Vl({ text: [2560, 9728, 36, 32, 8], tied: true }, smallDeep),
  "Qwen/Qwen3-VL-8B-Instruct": qwen3Vl({ text: [4096, 12288, 36, 32, 8] }, largeDeep),
  "HuggingFaceTB/SmolVLM2-256M-Video-Instruct": smolVlm({ text: [576, 1536, 30, 9, 3], scale: 4, tower: smallTiles }),
  "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": smolVlm({ text: [960, 2560, 32, 15, 5], scale: 4, tower: smallTiles }),
  "HuggingFaceTB/SmolVLM2-2.2B-Instruct": smolVlm({
    text: [2048, 8192, 24, 32, 32],
    theta: 130000,
    scale: 3,
    tower: [1152, 4304, 27, 16, 384, 14],
  }),
};
