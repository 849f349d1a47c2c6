/**
 * Qwen3-VL's vision tower: learned positions besides 2-D rotary ones, full attention in each picture, layer norms, tanh
 * GELU; a merger at the end and one after each of some blocks, whose features the decoder adds to its own after its
 * first layers.
 */
import type { HostArray } from "../../../graph/executor.ts";
import type { Graph, Value } from "../../../graph/graph.ts";
import { add, concat, gelu, geluTanh, layerNorm, linear, reshape } from "../../../graph/ops/index.ts";
import { layer } from "../../../graph/ops/recompute.ts";
import { receivedByTokens } from "../../layers/packed-attention.ts";
import { patchInputs, patchNumbers, type PatchOrder } from "../../layers/patch-order.ts";
import { attendInPictures } from "../../layers/picture-attention.ts";
import type { Parameters, ParameterShapes, TowerOptions } from "../../model.ts";
import type { EncodedPicture } from "../../processing/picture.ts";
import { epsilon, QwenVisionTower, type TracedTower } from "../qwen/tower.ts";
import type { Qwen3VisionConfig } from "./config.ts";
import { positionFeeds, tracePositions } from "./position-table.ts";

export class Qwen3VisionTower extends QwenVisionTower<Qwen3VisionConfig> {
  constructor(config: Qwen3VisionConfig) {
    super(config, parameterShapes(config), (1 + config.deepBlocks.length) * config.outHiddenSize);
  }

  protected override ownFeeds(pictures: readonly EncodedPicture[], order: PatchOrder): Record<string, HostArray> {
    return positionFeeds(pictures, order, this.config.positionSide, this.config.mergeSize ** 2);
  }

  /** Features: the last merger's, then those of the mergers before it, in the order of their blocks. */
  protected traceTower(
    graph: Graph,
    parameters: Parameters,
    { one = null, inBlocks = false }: TowerOptions,
  ): TracedTower {
    const { hiddenSize, mergeSize, depth, deepBlocks } = this.config;
    const unit = mergeSize ** 2;
    const inputs = patchInputs(graph, this.config, inBlocks);
    const p = (name: string): Value => parameters(`model.visual.${name}`);
    const joined = (rows: Value): Value => reshape(rows, [inputs.F, unit * hiddenSize]);
    const merged = (rows: Value, merger: Parameters): Value =>
      linear(
        gelu(linear(rows, merger("linear_fc1.weight"), merger("linear_fc1.bias"))),
        merger("linear_fc2.weight"),
        merger("linear_fc2.bias"),
      );
    const normed = (rows: Value, of: Parameters, name: string): Value =>
      layerNorm(rows, of(`${name}.weight`), of(`${name}.bias`), epsilon);
    const received: (() => Value)[] = [];
    const deep: Value[] = [];
    const patches = linear(
      inputs.pixels,
      reshape(p("patch_embed.proj.weight"), [hiddenSize, patchNumbers(this.config)]),
      p("patch_embed.proj.bias"),
    );
    let x = add(patches, tracePositions(graph, p("pos_embed.weight"), unit));
    for (let block = 0; block < depth; block++) {
      const b = (name: string): Value => p(`blocks.${block}.${name}`);
      x = layer(x, one, (y) => {
        const attention = attendInPictures(normed(y, b, "norm1"), b, this.config, inputs);
        received.push(attention.received);
        const between = add(y, attention.out);
        const h = linear(normed(between, b, "norm2"), b("mlp.linear_fc1.weight"), b("mlp.linear_fc1.bias"));
        return add(between, linear(geluTanh(h), b("mlp.linear_fc2.weight"), b("mlp.linear_fc2.bias")));
      });
      const index = deepBlocks.indexOf(block);
      const merger = (name: string): Value => p(`deepstack_merger_list.${index}.${name}`);
      if (index >= 0) deep.push(merged(normed(joined(x), merger, "norm"), merger));
    }
    graph.cut();
    const last = (name: string): Value => p(`merger.${name}`);
    return {
      features: concat([merged(joined(normed(x, last, "norm")), last), ...deep], 1),
      received: () =>
        receivedByTokens(
          received.map((of) => of()),
          inputs.F,
          unit,
        ),
    };
  }
}

function parameterShapes(config: Qwen3VisionConfig): ParameterShapes {
  const {
    hiddenSize: d,
    intermediateSize: i,
    outHiddenSize,
    channels,
    temporalPatchSize,
    patchSize,
    mergeSize,
    depth,
    positionSide,
    deepBlocks,
  } = config;
  const joined = d * mergeSize ** 2;
  const pair = (name: string, shape: number[]): [string, number[]][] => [
    [`${name}.weight`, shape],
    [`${name}.bias`, shape.slice(0, 1)],
  ];
  const merger = (name: string, normWidth: number): [string, number[]][] => [
    ...pair(`${name}.norm`, [normWidth]),
    ...pair(`${name}.linear_fc1`, [joined, joined]),
    ...pair(`${name}.linear_fc2`, [outHiddenSize, joined]),
  ];
  const block = (index: number): [string, number[]][] => {
    const p = `model.visual.blocks.${index}`;
    return [
      ...pair(`${p}.norm1`, [d]),
      ...pair(`${p}.norm2`, [d]),
      ...pair(`${p}.attn.qkv`, [3 * d, d]),
      ...pair(`${p}.attn.proj`, [d, d]),
      ...pair(`${p}.mlp.linear_fc1`, [i, d]),
      ...pair(`${p}.mlp.linear_fc2`, [d, i]),
    ];
  };
  return new Map([
    ...pair("model.visual.patch_embed.proj", [d, channels, temporalPatchSize, patchSize, patchSize]),
    ["model.visual.pos_embed.weight", [positionSide ** 2, d]],
    ...Array.from({ length: depth }, (_, index) => block(index)).flat(),
    ...merger("model.visual.merger", d),
    ...deepBlocks.flatMap((_, index) => merger(`model.visual.deepstack_merger_list.${index}`, joined)),
  ]);
}
