/**
 * Qwen2.5-VL's vision tower (arXiv:2502.13923): windowed and full attention, 2-D rotary positions, SwiGLU, patch
 * merger.
 */
import type { HostArray } from "../../../graph/executor.ts";
import type { Graph, Value } from "../../../graph/graph.ts";
import { add, linear, mul, reshape, rmsNorm, rope, silu, split } from "../../../graph/ops/index.ts";
import { layer } from "../../../graph/ops/recompute.ts";
import { packedAttention, packingFeeds, packingInputs, receivedByTokens } from "../../layers/packed-attention.ts";
import { patchInputs, patchNumbers, type PatchOrder, patchOrder } from "../../layers/patch-order.ts";
import type { Parameters, ParameterShapes, PictureFeedOptions, TowerOptions } from "../../model.ts";
import type { EncodedPicture } from "../../processing/picture.ts";
import { mergerShapes, traceMerger } from "../qwen/merger.ts";
import { epsilon, QwenVisionTower, type TracedTower } from "../qwen/tower.ts";
import type { Qwen25VisionConfig } from "./config.ts";

export class Qwen25VisionTower extends QwenVisionTower<Qwen25VisionConfig> {
  constructor(config: Qwen25VisionConfig) {
    super(config, parameterShapes(config));
  }

  /** Window by window, so that windows are runs of rows. */
  protected override patchOrder(pictures: readonly EncodedPicture[], options: PictureFeedOptions = {}): PatchOrder {
    const { mergeSize, patchSize, windowSize } = this.config;
    return patchOrder(pictures, mergeSize, Math.floor(windowSize / mergeSize / patchSize), options);
  }

  protected override ownFeeds(
    _pictures: readonly EncodedPicture[],
    { windows, rows }: PatchOrder,
    { padded = false }: PictureFeedOptions,
  ): Record<string, HostArray> {
    return packingFeeds("windows", windows, { unit: this.config.mergeSize ** 2, rows, padded });
  }

  protected traceTower(
    graph: Graph,
    parameters: Parameters,
    { one = null, inBlocks = false }: TowerOptions,
  ): TracedTower {
    const { hiddenSize, heads, mergeSize, depth, fullAttentionBlocks } = this.config;
    const unit = mergeSize ** 2;
    const { F, pixels, cos, sin, pictures } = patchInputs(graph, this.config, inBlocks);
    const windows = packingInputs(graph, "windows", F, unit);
    const p = (name: string): Value => parameters(`model.visual.${name}`);
    const received: (() => Value)[] = [];
    let x = linear(pixels, reshape(p("patch_embed.proj.weight"), [hiddenSize, patchNumbers(this.config)]));
    for (let block = 0; block < depth; block++) {
      const b = (name: string): Value => p(`blocks.${block}.${name}`);
      const full = fullAttentionBlocks.includes(block);
      x = layer(x, one, (y) => {
        const normed = rmsNorm(y, b("norm1.weight"), epsilon);
        const sizes = [hiddenSize, hiddenSize, hiddenSize];
        const [q, k, v] = split(linear(normed, b("attn.qkv.weight"), b("attn.qkv.bias")), sizes, 1) as [
          Value,
          Value,
          Value,
        ];
        const turned = { q: rope(q, cos, sin, heads), k: rope(k, cos, sin, heads), v };
        const attention = packedAttention(turned, heads, hiddenSize, full ? pictures : windows);
        if (full) received.push(attention.received);
        const between = add(y, linear(attention.attended, b("attn.proj.weight"), b("attn.proj.bias")));
        return add(between, mlp(rmsNorm(between, b("norm2.weight"), epsilon), b));
      });
    }
    graph.cut();
    const merged = reshape(rmsNorm(x, p("merger.ln_q.weight"), epsilon), [F, unit * hiddenSize]);
    return {
      features: traceMerger(merged, p),
      received: () =>
        receivedByTokens(
          received.map((of) => of()),
          F,
          unit,
        ),
    };
  }
}

function mlp(x: Value, b: Parameters): Value {
  const gate = silu(linear(x, b("mlp.gate_proj.weight"), b("mlp.gate_proj.bias")));
  const up = linear(x, b("mlp.up_proj.weight"), b("mlp.up_proj.bias"));
  return linear(mul(gate, up), b("mlp.down_proj.weight"), b("mlp.down_proj.bias"));
}

function parameterShapes(config: Qwen25VisionConfig): ParameterShapes {
  const {
    hiddenSize: d,
    intermediateSize: i,
    outHiddenSize,
    channels,
    temporalPatchSize,
    patchSize,
    mergeSize,
    depth,
  } = config;
  const merged = d * mergeSize ** 2;
  const block = (index: number): [string, number[]][] => {
    const p = `model.visual.blocks.${index}`;
    return [
      [`${p}.norm1.weight`, [d]],
      [`${p}.norm2.weight`, [d]],
      [`${p}.attn.qkv.weight`, [3 * d, d]],
      [`${p}.attn.qkv.bias`, [3 * d]],
      [`${p}.attn.proj.weight`, [d, d]],
      [`${p}.attn.proj.bias`, [d]],
      [`${p}.mlp.gate_proj.weight`, [i, d]],
      [`${p}.mlp.gate_proj.bias`, [i]],
      [`${p}.mlp.up_proj.weight`, [i, d]],
      [`${p}.mlp.up_proj.bias`, [i]],
      [`${p}.mlp.down_proj.weight`, [d, i]],
      [`${p}.mlp.down_proj.bias`, [d]],
    ];
  };
  return new Map([
    ["model.visual.patch_embed.proj.weight", [d, channels, temporalPatchSize, patchSize, patchSize]],
    ...Array.from({ length: depth }, (_, index) => block(index)).flat(),
    ["model.visual.merger.ln_q.weight", [d]],
    ...mergerShapes(merged, outHiddenSize),
  ]);
}
