/**
 * The vision tower of SmolVLM (arXiv:2504.05299) and Idefics3 (arXiv:2408.12637): SigLIP over tiles of one size, each
 * attending to itself alone; blocks of scale × scale patches become one visual token through one linear map.
 */
import { bucket } from "../../../math/bucket.ts";
import { symbol, times } from "../../../graph/dims.ts";
import type { HostArray } from "../../../graph/executor.ts";
import type { Graph, Value } from "../../../graph/graph.ts";
import {
  add,
  affine,
  type AttentionBlocks,
  blockAttention,
  geluTanh,
  layerNorm,
  linear,
  matmul,
  reshape,
  softmax,
  sum,
  transpose,
} from "../../../graph/ops/index.ts";
import { layer } from "../../../graph/ops/recompute.ts";
import type { Parameters, ParameterShapes, PictureFeedOptions, TowerOptions, VisionTower } from "../../model.ts";
import { notInBlocks } from "../../layers/packed-attention.ts";
import type { EncodedPicture } from "../../processing/picture.ts";
import { blockInputs, runFeeds } from "../../rows/attention-blocks.ts";
import type { TileVisionConfig } from "./config.ts";

const S = symbol("S");

export class TileVisionTower implements VisionTower {
  readonly parameters: ParameterShapes;
  readonly featureWidth: number;
  readonly #config: TileVisionConfig;
  /** Patches a side of a tile. */
  readonly #side: number;

  constructor(config: TileVisionConfig, outHiddenSize: number) {
    this.#config = config;
    this.#side = Math.floor(config.imageSize / config.patchSize);
    this.parameters = parameterShapes(config, outHiddenSize);
    this.featureWidth = outHiddenSize;
  }

  tokens({ grid: [tiles, height, width] }: EncodedPicture): number {
    return (tiles * height * width) / this.#config.scaleFactor ** 2;
  }

  gridOf(visualTokens: number): EncodedPicture["grid"] {
    return [Math.max(1, Math.round(visualTokens / this.#tokens)), this.#side, this.#side];
  }

  /** Visual tokens go row by row in each tile, as they leave the tower. */
  order(pictures: readonly EncodedPicture[]): Int32Array {
    return Int32Array.from(Array(pictures.reduce((total, picture) => total + this.tokens(picture), 0)).keys());
  }

  feeds(
    pictures: readonly EncodedPicture[],
    { inBlocks = false, padded = false }: PictureFeedOptions = {},
  ): Record<string, HostArray> {
    const { patchSize, channels, heads } = this.#config;
    const side = this.#side;
    const wrong = pictures.find(({ grid: [, height, width] }) => height !== side || width !== side);
    if (wrong !== undefined)
      throw new Error(`a picture of grid ${wrong.grid.join(" × ")} is not of tiles of ${side} × ${side} patches`);
    const tile = side ** 2 * channels * patchSize ** 2;
    const own = pictures.reduce((total, { grid }) => total + grid[0], 0);
    // Tiles of zeros come last.
    const tiles = padded ? bucket(own, 4) : own;
    const pixels = new Float32Array(tiles * tile);
    let at = 0;
    for (const picture of pictures) {
      pixels.set(picture.pixels, at);
      at += picture.pixels.length;
    }
    const lengths = Array<number>(tiles).fill(side ** 2);
    const blocks = inBlocks ? runFeeds("tiles", lengths, { heads, rows: tiles * side ** 2, padded }) : {};
    return { pixels: { shape: [tiles, side ** 2, channels * patchSize ** 2], data: pixels }, ...blocks };
  }

  rows({ pixels }: Readonly<Record<string, HostArray>>): number {
    return pixels!.shape[0]! * this.#tokens;
  }

  trace(graph: Graph, parameters: Parameters, options: TowerOptions = {}): Value {
    return this.#trace(graph, parameters, options).features;
  }

  traceAttention(graph: Graph, parameters: Parameters): Value {
    return this.#trace(graph, parameters, {}).received();
  }

  #trace(
    graph: Graph,
    parameters: Parameters,
    { one = null, inBlocks = false }: TowerOptions,
  ): { readonly features: Value; readonly received: () => Value } {
    const { hiddenSize, depth, patchSize, channels, epsilon } = this.#config;
    const L = this.#side ** 2;
    const patch = channels * patchSize ** 2;
    const p = (name: string): Value => parameters(`model.vision_model.${name}`);
    const pixels = reshape(graph.input("pixels", [S, L, patch]), [times(S, L), patch]);
    const patches = linear(
      pixels,
      reshape(p("embeddings.patch_embedding.weight"), [hiddenSize, patch]),
      p("embeddings.patch_embedding.bias"),
    );
    let x = reshape(add(reshape(patches, [S, L, hiddenSize]), p("embeddings.position_embedding.weight")), [
      times(S, L),
      hiddenSize,
    ]);
    const received: (() => Value)[] = [];
    const blocks = inBlocks ? blockInputs(graph, "tiles") : null;
    for (let block = 0; block < depth; block++) {
      const b = (name: string): Value => p(`encoder.layers.${block}.${name}`);
      x = layer(x, one, (y) => {
        const attention = this.#attend(
          layerNorm(y, b("layer_norm1.weight"), b("layer_norm1.bias"), epsilon),
          b,
          L,
          blocks,
        );
        received.push(attention.received);
        const between = add(y, attention.out);
        const h = layerNorm(between, b("layer_norm2.weight"), b("layer_norm2.bias"), epsilon);
        return add(
          between,
          linear(geluTanh(linear(h, b("mlp.fc1.weight"), b("mlp.fc1.bias"))), b("mlp.fc2.weight"), b("mlp.fc2.bias")),
        );
      });
    }
    graph.cut();
    const last = layerNorm(x, p("post_layernorm.weight"), p("post_layernorm.bias"), epsilon);
    return {
      features: linear(
        this.#joinBlocks(last, hiddenSize),
        parameters("model.connector.modality_projection.proj.weight"),
      ),
      received: () => {
        const mean = affine(received.map((of) => of()).reduce(add), 1 / depth);
        const joined = this.#joinBlocks(mean, 1);
        return reshape(sum(joined, [1]), [times(S, this.#tokens)]);
      },
    };
  }

  /** Visual tokens of a tile. */
  get #tokens(): number {
    return (this.#side / this.#config.scaleFactor) ** 2;
  }

  /** [S·L, width] patches row by row → [S·tokens, scale²·width], each block's rows one after the other. */
  #joinBlocks(x: Value, width: number): Value {
    const { scaleFactor: s } = this.#config;
    const blocks = this.#side / s;
    const cut = transpose(reshape(x, [S, blocks, s, blocks, s * width]), [0, 1, 3, 2, 4]);
    return reshape(cut, [times(S, blocks ** 2), s * s * width]);
  }

  #attend(
    x: Value,
    block: Parameters,
    L: number,
    blocks: AttentionBlocks | null,
  ): { readonly out: Value; readonly received: () => Value } {
    const { hiddenSize, heads } = this.#config;
    const size = hiddenSize / heads;
    const project = (name: string): Value =>
      linear(x, block(`self_attn.${name}.weight`), block(`self_attn.${name}.bias`));
    const out = (attended: Value): Value =>
      linear(attended, block("self_attn.out_proj.weight"), block("self_attn.out_proj.bias"));
    if (blocks !== null) {
      const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map(project) as [Value, Value, Value];
      return {
        out: out(blockAttention({ heads, kvHeads: heads, headSize: size }, q, k, v, blocks)),
        received: notInBlocks,
      };
    }
    const byHead = (name: string): Value => transpose(reshape(project(name), [S, L, heads, size]), [0, 2, 1, 3]); // [S, heads, L, size]
    const probabilities = softmax(
      matmul(byHead("q_proj"), byHead("k_proj"), { transposeB: true, scale: 1 / Math.sqrt(size) }),
    );
    const joined = reshape(transpose(matmul(probabilities, byHead("v_proj")), [0, 2, 1, 3]), [times(S, L), hiddenSize]);
    return {
      out: out(joined),
      received: () => reshape(affine(sum(probabilities, [1, 2]), 1 / heads), [times(S, L), 1]),
    };
  }
}

function parameterShapes(config: TileVisionConfig, outHiddenSize: number): ParameterShapes {
  const { hiddenSize: d, intermediateSize: i, channels, patchSize, imageSize, depth, scaleFactor } = config;
  const pair = (name: string, shape: number[]): [string, number[]][] => [
    [`${name}.weight`, shape],
    [`${name}.bias`, shape.slice(0, 1)],
  ];
  const block = (index: number): [string, number[]][] => {
    const p = `model.vision_model.encoder.layers.${index}`;
    return [
      ...pair(`${p}.layer_norm1`, [d]),
      ...["q_proj", "k_proj", "v_proj", "out_proj"].flatMap((name) => pair(`${p}.self_attn.${name}`, [d, d])),
      ...pair(`${p}.layer_norm2`, [d]),
      ...pair(`${p}.mlp.fc1`, [i, d]),
      ...pair(`${p}.mlp.fc2`, [d, i]),
    ];
  };
  return new Map([
    ...pair("model.vision_model.embeddings.patch_embedding", [d, channels, patchSize, patchSize]),
    ["model.vision_model.embeddings.position_embedding.weight", [Math.floor(imageSize / patchSize) ** 2, d]],
    ...Array.from({ length: depth }, (_, index) => block(index)).flat(),
    ...pair("model.vision_model.post_layernorm", [d]),
    ["model.connector.modality_projection.proj.weight", [outHiddenSize, d * scaleFactor ** 2]],
  ]);
}
