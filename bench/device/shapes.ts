/** Qwen2.5-VL-3B's shape, and what is measured at it: both sides are given the same. */

/** config.json as transformers' Qwen2_5_VLConfig takes it. */
export const config = (layers: number): Record<string, unknown> => ({
  model_type: "qwen2_5_vl",
  image_token_id: 151_655,
  video_token_id: 151_656,
  vision_start_token_id: 151_652,
  vision_end_token_id: 151_653,
  tie_word_embeddings: true,
  text_config: {
    model_type: "qwen2_5_vl_text",
    vocab_size: 151_936,
    hidden_size: 2048,
    intermediate_size: 11_008,
    num_hidden_layers: layers,
    num_attention_heads: 16,
    num_key_value_heads: 2,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_parameters: { rope_type: "default", rope_theta: 1e6, mrope_section: [16, 24, 24] },
    tie_word_embeddings: true,
  },
  vision_config: {
    model_type: "qwen2_5_vl",
    depth: 32,
    hidden_size: 1280,
    num_heads: 16,
    intermediate_size: 3420,
    out_hidden_size: 2048,
    patch_size: 14,
    temporal_patch_size: 2,
    spatial_merge_size: 2,
    window_size: 112,
    fullatt_block_indexes: [7, 15, 23, 31],
    tokens_per_second: 2,
  },
});

/** The same of a model that a processor trains in seconds, to try the harness: no figure comes from it. */
export function smallConfig(layers: number): Record<string, unknown> {
  const large = config(layers) as { readonly text_config: object; readonly vision_config: object };
  const text = {
    ...large.text_config,
    vocab_size: 152_064 / 32,
    hidden_size: 128,
    intermediate_size: 344,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    rope_parameters: { rope_type: "default", rope_theta: 1e6, mrope_section: [4, 6, 6] },
  };
  const vision = {
    ...large.vision_config,
    depth: 4,
    hidden_size: 64,
    num_heads: 4,
    intermediate_size: 172,
    out_hidden_size: 128,
    fullatt_block_indexes: [3],
  };
  const tokens = { image_token_id: 4655, video_token_id: 4656, vision_start_token_id: 4652, vision_end_token_id: 4653 };
  return { ...large, ...tokens, text_config: text, vision_config: vision };
}

/** Sizes of a step: text tokens of a prompt beside its picture's (side² / 4 visual tokens), tokens of each response. */
export interface Workload {
  readonly layers: number;
  readonly prompts: number;
  readonly responses: number;
  readonly text: number;
  /** Patches along the square picture's side. */
  readonly side: number;
  readonly new: number;
  readonly small: boolean;
}

export const workload = (layers: number, small: boolean): Workload =>
  small
    ? { layers, prompts: 2, responses: 4, text: 16, side: 8, new: 24, small }
    : { layers, prompts: 8, responses: 8, text: 256, side: 32, new: 512, small };

export const configOf = ({ layers, small }: Workload): Record<string, unknown> =>
  small ? smallConfig(layers) : config(layers);

/** What the peer reads. */
export const peerWork = (work: Workload, more: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...work, config: configOf(work), ...more });

export interface Arithmetic {
  /** Rows that a step really computes with the decoder: each prompt once. */
  readonly rows: number;
  /** Rows that padding to whole sequences computes. */
  readonly paddedRows: number;
  /** Numbers in the decoder and its head. */
  readonly decoder: number;
}

export function arithmetic(work: Workload, parameters: ReadonlyMap<string, readonly number[]>): Arithmetic {
  const prompt = work.text + work.side ** 2 / 4;
  const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const decoder = [...parameters]
    .filter(([name]) => !name.includes("visual"))
    .reduce((sum, [, shape]) => sum + count(shape), 0);
  const responses = work.prompts * work.responses;
  return { rows: work.prompts * prompt + responses * work.new, paddedRows: responses * (prompt + work.new), decoder };
}
