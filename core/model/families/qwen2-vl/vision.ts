/**
 * Qwen2-VL's vision tower (arXiv:2409.12191): full attention in each picture, 2-D rotary positions, layer norms, quick
 * GELU, patch merger.
 */
import type { Graph, Value } from "../../../graph/graph.ts";
import { add, layerNorm, linear, quickGelu, reshape } from "../../../graph/ops/index.ts";
import { layer } from "../../../graph/ops/recompute.ts";
import { receivedByTokens } from "../../layers/packed-attention.ts";
import { patchInputs, patchNumbers } from "../../layers/patch-order.ts";
import { attendInPictures } from "../../layers/picture-attention.ts";
import type { Parameters, ParameterShapes, TowerOptions } from "../../model.ts";
import { mergerShapes, traceMerger } from "../qwen/merger.ts";
import { epsilon, QwenVisionTower, type TracedTower } from "../qwen/tower.ts";
import type { Qwen2VisionConfig } from "./config.ts";

export class Qwen2VisionTower extends QwenVisionTower<Qwen2VisionConfig> {
  constructor(config: Qwen2VisionConfig) {
    super(config, parameterShapes(config));
  }

  protected traceTower(
    graph: Graph,
    parameters: Parameters,
    { one = null, inBlocks = false }: TowerOptions,
  ): TracedTower {
    const { hiddenSize, mergeSize, depth } = this.config;
    const unit = mergeSize ** 2;
    const inputs = patchInputs(graph, this.config, inBlocks);
    const p = (name: string): Value => parameters(`model.visual.${name}`);
    const received: (() => Value)[] = [];
    let x = linear(inputs.pixels, reshape(p("patch_embed.proj.weight"), [hiddenSize, patchNumbers(this.config)]));
    for (let block = 0; block < depth; block++) {
      const b = (name: string): Value => p(`blocks.${block}.${name}`);
      x = layer(x, one, (y) => {
        const attention = attendInPictures(
          layerNorm(y, b("norm1.weight"), b("norm1.bias"), epsilon),
          b,
          this.config,
          inputs,
        );
        received.push(attention.received);
        const between = add(y, attention.out);
        const h = layerNorm(between, b("norm2.weight"), b("norm2.bias"), epsilon);
        return add(
          between,
          linear(quickGelu(linear(h, b("mlp.fc1.weight"), b("mlp.fc1.bias"))), b("mlp.fc2.weight"), b("mlp.fc2.bias")),
        );
      });
    }
    graph.cut();
    const merged = reshape(layerNorm(x, p("merger.ln_q.weight"), p("merger.ln_q.bias"), epsilon), [
      inputs.F,
      unit * hiddenSize,
    ]);
    return {
      features: traceMerger(merged, p),
      received: () =>
        receivedByTokens(
          received.map((of) => of()),
          inputs.F,
          unit,
        ),
    };
  }
}

function parameterShapes(config: Qwen2VisionConfig): ParameterShapes {
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
      [`${p}.norm1.bias`, [d]],
      [`${p}.norm2.weight`, [d]],
      [`${p}.norm2.bias`, [d]],
      [`${p}.attn.qkv.weight`, [3 * d, d]],
      [`${p}.attn.qkv.bias`, [3 * d]],
      [`${p}.attn.proj.weight`, [d, d]],
      [`${p}.attn.proj.bias`, [d]],
      [`${p}.mlp.fc1.weight`, [i, d]],
      [`${p}.mlp.fc1.bias`, [i]],
      [`${p}.mlp.fc2.weight`, [d, i]],
      [`${p}.mlp.fc2.bias`, [d]],
    ];
  };
  return new Map([
    ["model.visual.patch_embed.proj.weight", [d, channels, temporalPatchSize, patchSize, patchSize]],
    ...Array.from({ length: depth }, (_, index) => block(index)).flat(),
    ["model.visual.merger.ln_q.weight", [d]],
    ["model.visual.merger.ln_q.bias", [d]],
    ...mergerShapes(merged, outHiddenSize),
  ]);
}
