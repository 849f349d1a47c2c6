/** Qwen2.5-VL's decoder: grouped-query attention with biased projections, multimodal rotary positions, SwiGLU. */
import type { Value } from "../../../graph/graph.ts";
import { add, addRmsNorm, concat, gatherRows, linear, mul, recomputed, reshape, rmsNorm, rope, silu, split } from "../../../graph/ops/index.ts";
import type { TextConfig } from "../../files/config.ts";
import type { DecodeInput, Decoder, EncodedPrompt, KeyValue, Parameters, Positions, PrefixInput, SegmentInput } from "../../model.ts";
import { intoSlots, outOfSlots } from "../../rows/slots.ts";
import { decodeAttention, prefixAttention, type Projected, segmentAttention } from "../../layers/attention.ts";
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
  /** cos and sin of every angle of the positions seen so far, [positions, headSize / 2]: computing them anew took longer than all else that is done to lay out a pass. */
  #angles: { readonly cos: Float32Array; readonly sin: Float32Array } = { cos: new Float32Array(0), sin: new Float32Array(0) };

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
    this.#growAngles(components.reduce((most, position) => Math.max(most, position), 0) + 1);
    const { cos: cosOf, sin: sinOf } = this.#angles;
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < half; i++) {
        const at = (components[(component[i] as number) * rows + row] as number) * half + i;
        cos[row * half + i] = cosOf[at] as number;
        sin[row * half + i] = sinOf[at] as number;
      }
    }
    return { cos, sin };
  }

  /** Have the angles of positions below `positions`, at least. */
  #growAngles(positions: number): void {
    const half = this.headSize / 2;
    const known = this.#angles.cos.length / half;
    if (positions <= known) return;
    const cos = new Float32Array(Math.max(positions, 2 * known) * half);
    const sin = new Float32Array(cos.length);
    for (let position = 0; position < cos.length / half; position++) {
      for (let i = 0; i < half; i++) {
        const angle = position * (this.#inverseFrequencies[i] as number);
        cos[position * half + i] = Math.cos(angle);
        sin[position * half + i] = Math.sin(angle);
      }
    }
    this.#angles = { cos, sin };
  }

  embed(parameters: Parameters, ids: Value): Value {
    return gatherRows(parameters(embedding), ids);
  }

  head(parameters: Parameters): Value {
    return parameters(this.#config.tieWordEmbeddings ? embedding : "lm_head.weight");
  }

  traceSegments(parameters: Parameters, input: SegmentInput): Value {
    const { slots } = input;
    const attend: Attend = ({ q, k, v }) => {
      if (slots === null) return segmentAttention(this.#config, { q, k, v }, input);
      return outOfSlots(segmentAttention(this.#config, { q: intoSlots(q, slots), k: intoSlots(k, slots), v: intoSlots(v, slots) }, input), slots);
    };
    return this.#trace(parameters, input, attend, input.recompute ? input.one : null);
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

  /**
   * A step of few rows is bound by the number of ops, so weights that read the same rows are joined: with weights as constants that is done
   * once, when the program is compiled.
   */
  traceDecode(parameters: Parameters, input: DecodeInput): { hidden: Value; cache: KeyValue[] } {
    const { heads, kvHeads, headSize, rmsNormEps } = this.#config;
    const cache: KeyValue[] = [];
    let x = input.embeddings;
    let normed = rmsNorm(x, parameters("model.language_model.layers.0.input_layernorm.weight"), rmsNormEps);
    for (let layer = 0; layer < this.layers; layer++) {
      const p = (name: string): Value => parameters(`model.language_model.layers.${layer}.${name}`);
      const [turned, v] = split(linear(normed, ...this.#joinedProjection(p)), [(heads + kvHeads) * headSize, kvHeads * headSize], 1) as [Value, Value];
      const { out, keyValue } = decodeAttention(this.#config, { queriesAndKeys: rope(turned, input.cos, input.sin, heads + kvHeads), v }, input, layer);
      cache.push(keyValue);
      const [h, between] = addRmsNorm(x, linear(out, p("self_attn.o_proj.weight")), p("post_attention_layernorm.weight"), rmsNormEps);
      const gated = mul(silu(linear(h, p("mlp.gate_proj.weight"))), linear(h, p("mlp.up_proj.weight")));
      const next = layer + 1 < this.layers ? `model.language_model.layers.${layer + 1}.input_layernorm.weight` : "model.language_model.norm.weight";
      [normed, x] = addRmsNorm(between, linear(gated, p("mlp.down_proj.weight")), parameters(next), rmsNormEps);
    }
    return { hidden: normed, cache };
  }

  /** Weight and bias of queries, keys and values in one: for each key/value head its queries and then its key, and after all of them the values. */
  #joinedProjection(p: (name: string) => Value): [weight: Value, bias: Value] {
    const { hiddenSize, heads, kvHeads: kv, headSize: D } = this.#config;
    const G = heads / kv;
    const join = (part: string, width: readonly number[]): Value => {
      const of = (name: string, perHead: number): Value => reshape(p(`self_attn.${name}.${part}`), [kv, perHead * D, ...width]);
      const turned = reshape(concat([of("q_proj", G), of("k_proj", 1)], 1), [kv * (G + 1) * D, ...width]);
      return concat([turned, p(`self_attn.v_proj.${part}`)], 0);
    };
    return [join("weight", [hiddenSize]), join("bias", [])];
  }

  #trace(parameters: Parameters, { embeddings, cos, sin }: Pick<PrefixInput, "embeddings" | "cos" | "sin">, attend: Attend, one: Value | null = null): Value {
    const { heads, kvHeads, rmsNormEps } = this.#config;
    const trace = (layer: number, x: Value): Value => {
      const p = (name: string): Value => parameters(`model.language_model.layers.${layer}.${name}`);
      const project = (input: Value, name: string): Value => linear(input, p(`self_attn.${name}.weight`), p(`self_attn.${name}.bias`));
      const normed = rmsNorm(x, p("input_layernorm.weight"), rmsNormEps);
      const q = rope(project(normed, "q_proj"), cos, sin, heads);
      const k = rope(project(normed, "k_proj"), cos, sin, kvHeads);
      const v = project(normed, "v_proj");
      const between = add(x, linear(attend({ q, k, v }, layer), p("self_attn.o_proj.weight")));
      const h = rmsNorm(between, p("post_attention_layernorm.weight"), rmsNormEps);
      const gated = mul(silu(linear(h, p("mlp.gate_proj.weight"))), linear(h, p("mlp.up_proj.weight")));
      return add(between, linear(gated, p("mlp.down_proj.weight")));
    };
    let x = embeddings;
    for (let layer = 0; layer < this.layers; layer++) x = one === null ? trace(layer, x) : recomputed(x, one, (again) => trace(layer, again));
    return rmsNorm(x, parameters("model.language_model.norm.weight"), rmsNormEps);
  }
}
