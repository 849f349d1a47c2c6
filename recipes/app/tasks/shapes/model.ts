/** The untrained model of the task: Qwen2.5-VL's architecture with a million parameters, as a Hugging Face folder. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom, type Random, type Weights, writeSafetensors } from "@papo/core";
import { drawsOf } from "./draws.ts";
import { textFiles } from "./tokenizer.ts";
import { specialId, vocabulary } from "./vocabulary.ts";

export interface DecoderSizes {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly intermediate: number;
  readonly vocabulary: number;
  /** Rotary pairs for time, height and width. */
  readonly mropeSection: readonly number[];
}

export interface VisionSizes {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediate: number;
  readonly patch: number;
  readonly temporal: number;
  readonly merge: number;
  /** Blocks whose attention is not windowed. */
  readonly fullAttention: readonly number[];
}

const decoder: DecoderSizes = {
  width: 128,
  layers: 4,
  heads: 4,
  keyValueHeads: 2,
  intermediate: 344,
  vocabulary: vocabulary.length,
  mropeSection: [4, 6, 6],
};
const vision: VisionSizes = {
  width: 64,
  layers: 3,
  heads: 4,
  intermediate: 172,
  patch: 14,
  temporal: 2,
  merge: 2,
  fullAttention: [2],
};

/** A model's config.json, nested as transformers writes it, with the task's special tokens. */
export function qwenConfig(text: DecoderSizes, tower: VisionSizes): Record<string, unknown> {
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
      vocab_size: text.vocabulary,
      hidden_size: text.width,
      num_hidden_layers: text.layers,
      layer_types: Array.from({ length: text.layers }, () => "full_attention"),
      num_attention_heads: text.heads,
      num_key_value_heads: text.keyValueHeads,
      intermediate_size: text.intermediate,
      hidden_act: "silu",
      rms_norm_eps: 1e-6,
      rope_parameters: { rope_type: "default", rope_theta: 1e6, mrope_section: text.mropeSection },
      max_position_embeddings: 4096,
      max_window_layers: text.layers,
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
      depth: tower.layers,
      hidden_size: tower.width,
      num_heads: tower.heads,
      intermediate_size: tower.intermediate,
      out_hidden_size: text.width,
      hidden_act: "silu",
      in_channels: 3,
      patch_size: tower.patch,
      temporal_patch_size: tower.temporal,
      spatial_merge_size: tower.merge,
      window_size: 112,
      fullatt_block_indexes: tower.fullAttention,
      tokens_per_second: 2,
      initializer_range: 0.02,
    },
  };
}

/** Shape of every parameter by its name on disk, in the model's order. */
export function shapesModelParameters(): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const linear = (name: string, output: number, input: number, bias: boolean): void => {
    shapes.set(`${name}.weight`, [output, input]);
    if (bias) shapes.set(`${name}.bias`, [output]);
  };
  shapes.set("visual.patch_embed.proj.weight", [vision.width, 3, vision.temporal, vision.patch, vision.patch]);
  for (let layer = 0; layer < vision.layers; layer++) {
    const block = `visual.blocks.${layer}`;
    shapes.set(`${block}.norm1.weight`, [vision.width]);
    shapes.set(`${block}.norm2.weight`, [vision.width]);
    linear(`${block}.attn.qkv`, 3 * vision.width, vision.width, true);
    linear(`${block}.attn.proj`, vision.width, vision.width, true);
    for (const part of ["gate_proj", "up_proj"])
      linear(`${block}.mlp.${part}`, vision.intermediate, vision.width, true);
    linear(`${block}.mlp.down_proj`, vision.width, vision.intermediate, true);
  }
  const merged = vision.width * vision.merge ** 2;
  shapes.set("visual.merger.ln_q.weight", [vision.width]);
  linear("visual.merger.mlp.0", merged, merged, true);
  linear("visual.merger.mlp.2", decoder.width, merged, true);

  shapes.set("model.embed_tokens.weight", [vocabulary.length, decoder.width]);
  const keyValueWidth = (decoder.width / decoder.heads) * decoder.keyValueHeads;
  for (let layer = 0; layer < decoder.layers; layer++) {
    const block = `model.layers.${layer}`;
    shapes.set(`${block}.input_layernorm.weight`, [decoder.width]);
    shapes.set(`${block}.post_attention_layernorm.weight`, [decoder.width]);
    linear(`${block}.self_attn.q_proj`, decoder.width, decoder.width, true);
    for (const part of ["k_proj", "v_proj"]) linear(`${block}.self_attn.${part}`, keyValueWidth, decoder.width, true);
    linear(`${block}.self_attn.o_proj`, decoder.width, decoder.width, false);
    for (const part of ["gate_proj", "up_proj"])
      linear(`${block}.mlp.${part}`, decoder.intermediate, decoder.width, false);
    linear(`${block}.mlp.down_proj`, decoder.width, decoder.intermediate, false);
  }
  shapes.set("model.norm.weight", [decoder.width]);
  return shapes;
}

/**
 * Standard deviation of a weight's start: embedding 0.02, matrices 0.7 / √inputs, those that write into the residual
 * stream divided by √(2 · layers) once more, so that its size does not grow with depth.
 */
function deviationOf(name: string, shape: readonly number[]): number {
  if (name === "model.embed_tokens.weight") return 0.02;
  const inputs = shape.slice(1).reduce((product, size) => product * size, 1);
  const writesResidual = /\.(o_proj|down_proj|attn\.proj)\.weight$/.test(name);
  const layers = name.startsWith("visual.") ? vision.layers : decoder.layers;
  return (0.7 / Math.sqrt(inputs)) * (writesResidual ? 1 / Math.sqrt(2 * layers) : 1);
}

function initialTensor(name: string, shape: readonly number[], random: Random): Float32Array {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (shape.length === 1) return name.endsWith(".bias") ? data : data.fill(1);
  const deviation = deviationOf(name, shape);
  const draws = drawsOf(random.key("weights", name));
  for (let index = 0; index < data.length; index += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - draws.uniform()));
    const angle = 2 * Math.PI * draws.uniform();
    data[index] = radius * Math.cos(angle);
    if (index + 1 < data.length) data[index + 1] = radius * Math.sin(angle);
  }
  return data;
}

/** The start weights of a seed: matrices normal, norms 1, biases 0. */
export function untrainedWeights(seed: number): Weights {
  const random = createRandom(seed);
  return new Map(
    [...shapesModelParameters()].map(([name, shape]) => [name, { shape, data: initialTensor(name, shape, random) }]),
  );
}

/** Write the untrained model with tokenizer, template and processor: about 4.4 MB. Equal seeds give equal bytes. */
export async function writeUntrainedModel(folder: string, { seed }: { readonly seed: number }): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = { "config.json": `${JSON.stringify(qwenConfig(decoder, vision), null, 2)}\n`, ...textFiles() };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
  await writeSafetensors(join(folder, "model.safetensors"), untrainedWeights(seed));
}
