/**
 * The decoder that most families share: RMSNorm before each half of a layer, grouped-query attention with rotary
 * positions, SwiGLU. What families differ in is said by `DecoderOptions`.
 */
import type { Value } from "../../graph/graph.ts";
import {
  add,
  addRmsNorm,
  affine,
  concat,
  expand,
  gatherRows,
  linear,
  mul,
  reshape,
  rmsNorm,
  rope,
  silu,
  split,
  zeros,
} from "../../graph/ops/index.ts";
import { layer as separateLayer } from "../../graph/ops/recompute.ts";
import { times } from "../../graph/dims.ts";
import type { TextConfig } from "../files/config.ts";
import type {
  DecodeInput,
  Decoder,
  EncodedPrompt,
  KeyValue,
  Parameters,
  ParameterShapes,
  Positions,
  PrefixInput,
  SegmentInput,
  TracedSegments,
  WordsInput,
} from "../model.ts";
import { intoSlots, outOfSlots } from "../rows/slots.ts";
import { decodeAttention, prefixAttention, type Projected, segmentAttention, wordsAttention } from "./attention.ts";
import type { Rotary } from "./rotary.ts";

export interface DecoderOptions {
  readonly config: TextConfig;
  /** What the parameters' names begin with: "model.language_model". */
  readonly prefix: string;
  /** The id of a visual token's placeholder. */
  readonly pictureToken: number;
  /** Throws when the placeholders in a prompt do not match its pictures. */
  readonly positions: (prompt: EncodedPrompt) => Positions;
  readonly rotary: Rotary;
  /** Queries, keys and values have biases. */
  readonly biases?: boolean;
  /** RMSNorm over each head of queries and keys, before they turn. */
  readonly headNorms?: boolean;
  /** After how many layers, from the first, further features are added to visual tokens. Default 0. */
  readonly deepFeatures?: number;
}

/**
 * What a layer does with its queries, keys and values, which may be wider than heads are; returns [rows, heads ·
 * valueSize].
 */
type Attend = (projected: Projected, layer: number, valueSize?: number) => Value;

/**
 * Layers whose attention to regarded visual tokens is wanted, 1 for the rows of these [rows, 1], and what was traced.
 */
interface Watched {
  readonly layers: ReadonlySet<number>;
  readonly regarded: Value;
  readonly toPicture: Map<number, Value>;
}

type Rows = Pick<PrefixInput, "embeddings" | "cos" | "sin" | "deep">;

export class GroupedQueryDecoder implements Decoder {
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly pictureToken: number;
  readonly deepFeatures: number;
  readonly parameters: ParameterShapes;
  readonly #options: DecoderOptions;
  readonly #config: TextConfig;

  constructor(options: DecoderOptions) {
    const { config } = options;
    this.#options = options;
    this.#config = config;
    this.layers = config.layers;
    this.heads = config.heads;
    this.keyValueHeads = config.kvHeads;
    this.headSize = config.headSize;
    this.hiddenSize = config.hiddenSize;
    this.vocabularySize = config.vocabSize;
    this.pictureToken = options.pictureToken;
    this.deepFeatures = options.deepFeatures ?? 0;
    this.parameters = decoderParameters(options);
  }

  positions(prompt: EncodedPrompt): Positions {
    return this.#options.positions(prompt);
  }

  rotary(components: Int32Array): { cos: Float32Array; sin: Float32Array } {
    return this.#options.rotary.of(components);
  }

  embed(parameters: Parameters, ids: Value): Value {
    return gatherRows(parameters(embeddingName(this.#options)), ids);
  }

  head(parameters: Parameters): Value {
    return parameters(this.#config.tieWordEmbeddings ? embeddingName(this.#options) : headName);
  }

  traceSegments(parameters: Parameters, input: SegmentInput, watched: ReadonlySet<number> = new Set()): TracedSegments {
    const { slots } = input;
    const attend: Attend = ({ q, k, v }, _layer, valueSize) => {
      const heads = valueSize === undefined ? this.#config : { ...this.#config, valueSize };
      if (slots === null) return segmentAttention(heads, { q, k, v }, input);
      const change = input.change === null ? null : intoSlots(input.change, slots);
      return outOfSlots(
        segmentAttention(
          heads,
          { q: intoSlots(q, slots), k: intoSlots(k, slots), v: intoSlots(v, slots) },
          { ...input, change },
        ),
        slots,
      );
    };
    const toPicture = new Map<number, Value>();
    const inputs: Value[] = [];
    const hidden = this.#trace(parameters, input, attend, {
      one: input.recompute ? input.one : null,
      watched: watched.size === 0 ? null : { layers: watched, regarded: input.regarded(), toPicture },
      inputs,
    });
    return {
      hidden,
      toPicture,
      queriesAndKeys: (layer) => this.#queriesAndKeys(parameters, layer, inputs[layer]!, input),
    };
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

  traceWords(parameters: Parameters, input: WordsInput): { hidden: Value; cache: KeyValue[] } {
    const cache: KeyValue[] = [];
    const hidden = this.#trace(parameters, input, (projected, layer) => {
      const { out, keyValue } = wordsAttention(this.#config, projected, input, layer);
      cache.push(keyValue);
      return out;
    });
    return { hidden, cache };
  }

  /**
   * A step of few rows is bound by the number of ops, so weights that read the same rows are joined: with weights as
   * constants that is done once, when the program is compiled.
   */
  traceDecode(parameters: Parameters, input: DecodeInput): { hidden: Value; cache: KeyValue[] } {
    const { heads, kvHeads, headSize, rmsNormEps } = this.#config;
    const cache: KeyValue[] = [];
    let x = input.embeddings;
    let normed = rmsNorm(x, this.#layer(parameters, 0)("input_layernorm.weight"), rmsNormEps);
    for (let layer = 0; layer < this.layers; layer++) {
      x.graph.cut();
      const p = this.#layer(parameters, layer);
      const [joined, v] = split(
        input.apart === true ? this.#projectApart(p, normed) : this.#projectJoined(p, normed),
        [(heads + kvHeads) * headSize, kvHeads * headSize],
        1,
      ) as [Value, Value];
      const turned = rope(this.#normJoined(p, joined), input.cos, input.sin, heads + kvHeads);
      const { out, keyValue } = decodeAttention(this.#config, { queriesAndKeys: turned, v }, input, layer);
      cache.push(keyValue);
      const [h, between] = addRmsNorm(
        x,
        linear(out, p("self_attn.o_proj.weight")),
        p("post_attention_layernorm.weight"),
        rmsNormEps,
      );
      const gated = mul(silu(linear(h, p("mlp.gate_proj.weight"))), linear(h, p("mlp.up_proj.weight")));
      const next =
        layer + 1 < this.layers
          ? this.#layer(parameters, layer + 1)("input_layernorm.weight")
          : this.#lastNorm(parameters);
      [normed, x] = addRmsNorm(between, linear(gated, p("mlp.down_proj.weight")), next, rmsNormEps);
    }
    return { hidden: normed, cache };
  }

  /**
   * Queries, keys and values in one product: for each key/value head its queries and then its key, and after all of
   * them the values.
   */
  #projectJoined(p: Parameters, x: Value): Value {
    const { hiddenSize } = this.#config;
    const join = (part: string, width: readonly number[]): Value =>
      concat(
        [
          this.#byKeyHead(p(`self_attn.q_proj.${part}`), p(`self_attn.k_proj.${part}`), width),
          p(`self_attn.v_proj.${part}`),
        ],
        0,
      );
    return this.#options.biases === true
      ? linear(x, join("weight", [hiddenSize]), join("bias", []))
      : linear(x, join("weight", [hiddenSize]));
  }

  /** The same, in three products: weights that are no constants are not to be joined for each token. */
  #projectApart(p: Parameters, x: Value): Value {
    const { heads, kvHeads: kv, headSize: D } = this.#config;
    const rows = x.shape[0] as Value["shape"][number];
    const project = (name: string): Value => {
      const weight = p(`self_attn.${name}.weight`);
      return this.#options.biases === true ? linear(x, weight, p(`self_attn.${name}.bias`)) : linear(x, weight);
    };
    const turned = concat(
      [reshape(project("q_proj"), [rows, kv, (heads / kv) * D]), reshape(project("k_proj"), [rows, kv, D])],
      2,
    );
    return concat([reshape(turned, [rows, (heads + kv) * D]), project("v_proj")], 1);
  }

  /** What belongs to queries [heads·D, …] and to keys [kv·D, …] in the order of `#projectJoined`. */
  #byKeyHead(queries: Value, keys: Value, width: readonly number[]): Value {
    const { heads, kvHeads: kv, headSize: D } = this.#config;
    const G = heads / kv;
    return reshape(concat([reshape(queries, [kv, G * D, ...width]), reshape(keys, [kv, D, ...width])], 1), [
      kv * (G + 1) * D,
      ...width,
    ]);
  }

  /**
   * The norms of queries and keys, [rows, kv·(G + 1)·D] in the order of `#projectJoined`: one norm without weights,
   * then each its own weights.
   */
  #normJoined(p: Parameters, joined: Value): Value {
    if (this.#options.headNorms !== true) return joined;
    const { heads, kvHeads, headSize: D, rmsNormEps } = this.#config;
    const rows = joined.shape[0] as Value["shape"][number];
    const ones = affine(zeros(joined.graph, [D]), 1, 1);
    const normed = reshape(rmsNorm(reshape(joined, [times(rows, heads + kvHeads), D]), ones, rmsNormEps), joined.shape);
    const repeated = (name: string, count: number): Value =>
      concat(new Array<Value>(count).fill(p(`self_attn.${name}.weight`)), 0);
    return mul(normed, this.#byKeyHead(repeated("q_norm", heads), repeated("k_norm", kvHeads), []));
  }

  /** @param inputs gets what each layer reads */
  #trace(
    parameters: Parameters,
    rows: Rows,
    attend: Attend,
    {
      one = null,
      watched = null,
      inputs = [],
    }: { readonly one?: Value | null; readonly watched?: Watched | null; readonly inputs?: Value[] } = {},
  ): Value {
    const { heads, hiddenSize, rmsNormEps } = this.#config;
    const trace = (layer: number, x: Value): Value => {
      const p = this.#layer(parameters, layer);
      const { normed, q, k } = this.#queriesAndKeys(parameters, layer, x, rows);
      const projected = { q, k, v: this.#project(p, normed, "v", null) };
      const isWatched = watched?.layers.has(layer) === true;
      const [out, ...toPicture] = isWatched
        ? this.#attendWatched(attend, projected, layer, watched.regarded)
        : [attend(projected, layer)];
      const between = add(x, linear(out!, p("self_attn.o_proj.weight")));
      const h = rmsNorm(between, p("post_attention_layernorm.weight"), rmsNormEps);
      const gated = mul(silu(linear(h, p("mlp.gate_proj.weight"))), linear(h, p("mlp.up_proj.weight")));
      return concat([add(between, linear(gated, p("mlp.down_proj.weight"))), ...toPicture], 1);
    };
    let x = rows.embeddings;
    for (let layer = 0; layer < this.layers; layer++) {
      inputs.push(x);
      const traced = separateLayer(x, one, (again) => trace(layer, again));
      const isWatched = watched?.layers.has(layer) === true;
      const [next, toPicture] = isWatched ? split(traced, [hiddenSize, heads], 1) : [traced];
      if (isWatched) watched.toPicture.set(layer, toPicture!);
      const further = rows.deep[layer];
      x = further === undefined ? next! : add(next!, further);
    }
    x.graph.cut();
    return rmsNorm(x, this.#lastNorm(parameters), rmsNormEps);
  }

  /** A layer's input after its norm, its queries and its keys; these two turned by their positions. */
  #queriesAndKeys(
    parameters: Parameters,
    layer: number,
    x: Value,
    { cos, sin }: Pick<Rows, "cos" | "sin">,
  ): { readonly normed: Value; readonly q: Value; readonly k: Value } {
    const { heads, kvHeads, rmsNormEps } = this.#config;
    const p = this.#layer(parameters, layer);
    const normed = rmsNorm(x, p("input_layernorm.weight"), rmsNormEps);
    const q = rope(this.#project(p, normed, "q", heads), cos, sin, heads);
    return { normed, q, k: rope(this.#project(p, normed, "k", kvHeads), cos, sin, kvHeads) };
  }

  /**
   * What a layer's attention gives, [rows, heads · headSize], and how much of it is on regarded visual tokens, [rows,
   * heads]: what attention gives of a further number of each value, which is 1 for these tokens and 0 for others.
   */
  #attendWatched(
    attend: Attend,
    { q, k, v }: Projected,
    layer: number,
    regarded: Value,
  ): readonly [out: Value, toPicture: Value] {
    const { heads, kvHeads, headSize } = this.#config;
    const rows = v.shape[0] as Value["shape"][number];
    const flags = expand(reshape(regarded, [rows, 1, 1]), [rows, kvHeads, 1]);
    const wider = reshape(concat([reshape(v, [rows, kvHeads, headSize]), flags], 2), [rows, kvHeads * (headSize + 1)]);
    const byHead = reshape(attend({ q, k, v: wider }, layer, headSize + 1), [rows, heads, headSize + 1]);
    const [out, toPicture] = split(byHead, [headSize, 1], 2) as [Value, Value];
    return [reshape(out, [rows, heads * headSize]), reshape(toPicture, [rows, heads])];
  }

  /** @param heads of queries or keys, which may have a norm; null for values */
  #project(p: Parameters, x: Value, name: "q" | "k" | "v", heads: number | null): Value {
    const { headSize, rmsNormEps } = this.#config;
    const stem = `self_attn.${name}_proj`;
    const projected =
      this.#options.biases === true
        ? linear(x, p(`${stem}.weight`), p(`${stem}.bias`))
        : linear(x, p(`${stem}.weight`));
    if (heads === null || this.#options.headNorms !== true) return projected;
    const rows = times(projected.shape[0] as Value["shape"][number], heads);
    return reshape(
      rmsNorm(reshape(projected, [rows, headSize]), p(`self_attn.${name}_norm.weight`), rmsNormEps),
      projected.shape,
    );
  }

  #layer(parameters: Parameters, layer: number): Parameters {
    return (name) => parameters(`${this.#options.prefix}.layers.${layer}.${name}`);
  }

  #lastNorm(parameters: Parameters): Value {
    return parameters(`${this.#options.prefix}.norm.weight`);
  }
}

const headName = "lm_head.weight";

const embeddingName = ({ prefix }: DecoderOptions): string => `${prefix}.embed_tokens.weight`;

function decoderParameters(options: DecoderOptions): ParameterShapes {
  const { prefix, config, biases = false, headNorms = false } = options;
  const { hiddenSize: h, layers, heads, kvHeads, headSize, intermediateSize: i, vocabSize, tieWordEmbeddings } = config;
  const [q, kv] = [heads * headSize, kvHeads * headSize];
  const projection = (name: string, width: number): [string, number[]][] => [
    [`${name}.weight`, [width, h]],
    ...(biases ? [[`${name}.bias`, [width]] as [string, number[]]] : []),
  ];
  const layer = (index: number): [string, number[]][] => {
    const p = `${prefix}.layers.${index}`;
    return [
      [`${p}.input_layernorm.weight`, [h]],
      ...projection(`${p}.self_attn.q_proj`, q),
      ...projection(`${p}.self_attn.k_proj`, kv),
      ...projection(`${p}.self_attn.v_proj`, kv),
      [`${p}.self_attn.o_proj.weight`, [h, q]],
      ...(headNorms
        ? ([
            [`${p}.self_attn.q_norm.weight`, [headSize]],
            [`${p}.self_attn.k_norm.weight`, [headSize]],
          ] as [string, number[]][])
        : []),
      [`${p}.post_attention_layernorm.weight`, [h]],
      [`${p}.mlp.gate_proj.weight`, [i, h]],
      [`${p}.mlp.up_proj.weight`, [i, h]],
      [`${p}.mlp.down_proj.weight`, [h, i]],
    ];
  };
  return new Map([
    [embeddingName(options), [vocabSize, h]],
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    [`${prefix}.norm.weight`, [h]],
    ...(tieWordEmbeddings ? [] : [[headName, [vocabSize, h]] as [string, number[]]]),
  ]);
}
