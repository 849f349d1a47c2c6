/** Random Qwen2.5-VL models of the sizes that are measured, as Hugging Face folders that both sides load. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createRandom, type Weights } from "@papo/core";
import { parseQwen25VlConfig } from "../core/model/config-qwen2.5-vl.ts";
import { saveModelFolder } from "../core/model/folder.ts";
import { createModel } from "../core/model/registry.ts";
import { textFiles } from "../recipes/tasks/shapes/tokenizer.ts";
import { specialId } from "../recipes/tasks/shapes/vocabulary.ts";

interface Sizes {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly intermediate: number;
}

/** Decoder sizes by name; heads have 64 entries, the vocabulary 2,048. */
export const sizes: Readonly<Record<string, Sizes>> = {
  bench: { hidden: 256, layers: 6, heads: 4, keyValueHeads: 2, intermediate: 688 },
  m44: { hidden: 768, layers: 6, heads: 12, keyValueHeads: 4, intermediate: 2048 },
  wide: { hidden: 1024, layers: 8, heads: 16, keyValueHeads: 4, intermediate: 2752 },
  m300: { hidden: 1536, layers: 12, heads: 24, keyValueHeads: 4, intermediate: 4096 },
};

export const vocabularySize = 2048;
export const visionSizes = { hidden: 128, layers: 4, heads: 4, intermediate: 344, patch: 14, temporal: 2, merge: 2 };

function configOf({ hidden, layers, heads, keyValueHeads, intermediate }: Sizes): Record<string, unknown> {
  return {
    architectures: ["Qwen2_5_VLForConditionalGeneration"],
    model_type: "qwen2_5_vl",
    dtype: "float32",
    tie_word_embeddings: true,
    image_token_id: specialId("<|image_pad|>"),
    video_token_id: specialId("<|video_pad|>"),
    vision_start_token_id: specialId("<|vision_start|>"),
    vision_end_token_id: specialId("<|vision_end|>"),
    text_config: {
      model_type: "qwen2_5_vl_text",
      vocab_size: vocabularySize,
      hidden_size: hidden,
      num_hidden_layers: layers,
      layer_types: Array.from({ length: layers }, () => "full_attention"),
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      intermediate_size: intermediate,
      hidden_act: "silu",
      rms_norm_eps: 1e-6,
      rope_parameters: { rope_type: "default", rope_theta: 1e6, mrope_section: [8, 12, 12] },
      max_position_embeddings: 4096,
      max_window_layers: layers,
      use_sliding_window: false,
      sliding_window: null,
      attention_dropout: 0,
      initializer_range: 0.02,
      tie_word_embeddings: true,
      use_cache: true,
      bos_token_id: specialId("<|endoftext|>"),
      eos_token_id: specialId("<|im_end|>"),
      pad_token_id: specialId("<|endoftext|>"),
    },
    vision_config: {
      model_type: "qwen2_5_vl_vision",
      depth: visionSizes.layers,
      hidden_size: visionSizes.hidden,
      num_heads: visionSizes.heads,
      intermediate_size: visionSizes.intermediate,
      out_hidden_size: hidden,
      hidden_act: "silu",
      in_channels: 3,
      patch_size: visionSizes.patch,
      temporal_patch_size: visionSizes.temporal,
      spatial_merge_size: visionSizes.merge,
      window_size: 112,
      fullatt_block_indexes: [1, 3],
      tokens_per_second: 2,
      initializer_range: 0.02,
    },
  };
}

/** Uniform with standard deviation 0.05, norms 1: next-token distributions are wide, so that lengths vary and no token is rare. */
function randomWeights(config: Record<string, unknown>): Weights {
  const random = createRandom(1);
  const parameters = createModel(parseQwen25VlConfig(config)).parameters;
  return new Map([...parameters].map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const isNorm = /norm\d?\.weight$|ln_q\.weight$/.test(name);
    const draws = random.key(name);
    const range = 0.05 * Math.sqrt(12) * Math.min(1, Math.sqrt(256 / (shape.at(-1) ?? 256)));
    if (isNorm) data.fill(1);
    else if (shape.length > 1) for (let i = 0; i < data.length; i++) data[i] = (draws.uniform(i) - 0.5) * range;
    return [name, { shape, data }];
  }));
}

/** The folder of a model under `root`, made if it is not there. Its end-of-text token is one that is never sampled, so that every response reaches its limit. */
export async function modelFolder(root: string, name: string): Promise<string> {
  const folder = join(root, name);
  const size = sizes[name];
  if (size === undefined) throw new Error(`there is no model "${name}" to measure; there are ${Object.keys(sizes).join(", ")}`);
  if (existsSync(folder)) return folder;
  const config = configOf(size);
  const generation = { bos_token_id: specialId("<|endoftext|>"), pad_token_id: specialId("<|endoftext|>"), eos_token_id: specialId("<|image_pad|>") };
  const files = { ...textFiles(), "config.json": JSON.stringify(config, null, 2), "generation_config.json": JSON.stringify(generation) };
  await saveModelFolder(folder, { source: new Map(Object.entries(files)), weights: randomWeights(config) });
  return folder;
}
