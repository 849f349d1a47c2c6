/** Qwen2.5-VL's decoder: grouped-query attention with biased projections, multimodal rotary positions, SwiGLU. */
import type { Value } from "../../graph/graph.ts";
import { add, gatherRows, linear, mul, rmsNorm, rope, silu } from "../../graph/ops/index.ts";
import type { TextConfig } from "../config.ts";
import type { DecodeInput, Decoder, EncodedPrompt, KeyValue, Parameters, Positions, PrefixInput, SegmentInput } from "../model.ts";
import { decodeAttention, prefixAttention, type Projected, segmentAttention } from "./attention.ts";
import { promptPositions } from "./positions.ts";

const embedding = "model.language_model.embed_tokens.weight";

/** What a layer does with its queries, keys and values; returns [rows, heads · headSize]. */
type Attend = (projected: Projected, layer: number) => Value;

export class QwenDecoder implements Decoder {
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly pictureToken: number;
  readonly #config: TextConfig;
  readonly #mergeSize: number;
  readonly #inverseFrequencies: Float32Array;

  constructor(config: TextConfig, pictureToken: number, mergeSize: number) {
    this.#config = config;
    this.#mergeSize = mergeSize;
    this.layers = config.layers;
    this.keyValueHeads = config.kvHeads;
    this.headSize = config.headSize;
    this.hiddenSize = config.hiddenSize;
    this.vocabularySize = config.vocabSize;
    this.pictureToken = pictureToken;
    const half = config.headSize / 2;
    // float32, as the reference computes them.
    this.#inverseFrequencies = Float32Array.from({ length: half }, (_, i) => 1 / Math.fround(config.ropeTheta ** Math.fround(i / half)));
  }

  parameters(): [string, number[]][] {
    const { hiddenSize: h, layers, heads, kvHeads, headSize, intermediateSize: i, vocabSize, tieWordEmbeddings } = this.#config;
    const [q, kv] = [heads * headSize, kvHeads * headSize];
    const layer = (index: number): [string, number[]][] => {
      const p = `model.language_model.layers.${index}`;
      return [
        [`${p}.input_layernorm.weight`, [h]],
        [`${p}.self_attn.q_proj.weight`, [q, h]],
        [`${p}.self_attn.q_proj.bias`, [q]],
        [`${p}.self_attn.k_proj.weight`, [kv, h]],
        [`${p}.self_attn.k_proj.bias`, [kv]],
        [`${p}.self_attn.v_proj.weight`, [kv, h]],
        [`${p}.self_attn.v_proj.bias`, [kv]],
        [`${p}.self_attn.o_proj.weight`, [h, q]],
        [`${p}.post_attention_layernorm.weight`, [h]],
        [`${p}.mlp.gate_proj.weight`, [i, h]],
        [`${p}.mlp.up_proj.weight`, [i, h]],
        [`${p}.mlp.down_proj.weight`, [h, i]],
      ];
    };
    return [
      [embedding, [vocabSize, h]],
      ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
      ["model.language_model.norm.weight", [h]],
      ...(tieWordEmbeddings ? [] : [["lm_head.weight", [vocabSize, h]] as [string, number[]]]),
    ];
  }

  positions(prompt: EncodedPrompt): Positions {
    return promptPositions(prompt, this.pictureToken, this.#mergeSize);
  }

  /** Angle i of a row uses the position component of its section: time, height or width (arXiv:2409.12191, M-RoPE). */
  rotary(components: Int32Array): { cos: Float32Array; sin: Float32Array } {
    const half = this.headSize / 2;
    const rows = components.length / 3;
    const cos = new Float32Array(rows * half);
    const sin = new Float32Array(rows * half);
    const component = this.#config.mropeSection.flatMap((size, index) => Array.from({ length: size }, () => index % 3));
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < half; i++) {
        const position = components[(component[i] as number) * rows + row] as number;
        const angle = position * (this.#inverseFrequencies[i] as number);
        cos[row * half + i] = Math.cos(angle);
        sin[row * half + i] = Math.sin(angle);
      }
    }
    return { cos, sin };
  }

  embed(parameters: Parameters, ids: Value): Value {
    return gatherRows(parameters(embedding), ids);
  }

  logits(parameters: Parameters, hidden: Value): Value {
    return linear(hidden, parameters(this.#config.tieWordEmbeddings ? embedding : "lm_head.weight"));
  }

  traceSegments(parameters: Parameters, input: SegmentInput): Value {
    return this.#trace(parameters, input, (projected) => segmentAttention(this.#config, projected, input));
  }

  tracePrefix(parameters: Parameters, input: PrefixInput): { hidden: Value; cache: KeyValue[] } {
    const cache: KeyValue[] = [];
    const hidden = this.#trace(parameters, input, (projected) => {
      const { out, keyValue } = prefixAttention(this.#config, projected, input);
      cache.push(keyValue);
      return out;
    });
    return { hidden, cache };
  }

  traceDecode(parameters: Parameters, input: DecodeInput): { hidden: Value; cache: KeyValue[] } {
    const cache: KeyValue[] = [];
    const hidden = this.#trace(parameters, input, (projected, layer) => {
      const { out, keyValue } = decodeAttention(this.#config, projected, input, layer);
      cache.push(keyValue);
      return out;
    });
    return { hidden, cache };
  }

  #trace(parameters: Parameters, { embeddings, cos, sin }: Pick<PrefixInput, "embeddings" | "cos" | "sin">, attend: Attend): Value {
    const { heads, kvHeads, rmsNormEps } = this.#config;
    let x = embeddings;
    for (let layer = 0; layer < this.layers; layer++) {
      const p = (name: string): Value => parameters(`model.language_model.layers.${layer}.${name}`);
      const project = (input: Value, name: string): Value => linear(input, p(`self_attn.${name}.weight`), p(`self_attn.${name}.bias`));
      const normed = rmsNorm(x, p("input_layernorm.weight"), rmsNormEps);
      const q = rope(project(normed, "q_proj"), cos, sin, heads);
      const k = rope(project(normed, "k_proj"), cos, sin, kvHeads);
      const v = project(normed, "v_proj");
      x = add(x, linear(attend({ q, k, v }, layer), p("self_attn.o_proj.weight")));
      const h = rmsNorm(x, p("post_attention_layernorm.weight"), rmsNormEps);
      const gated = mul(silu(linear(h, p("mlp.gate_proj.weight"))), linear(h, p("mlp.up_proj.weight")));
      x = add(x, linear(gated, p("mlp.down_proj.weight")));
    }
    return rmsNorm(x, parameters("model.language_model.norm.weight"), rmsNormEps);
  }
}
