/**
 * What the vision towers of the Qwen-VL families have in common: merge units of patches that become a visual token
 * each.
 */
import type { HostArray } from "../../../graph/executor.ts";
import type { Graph, Value } from "../../../graph/graph.ts";
import { gridOfUnits, patchFeeds, type PatchOrder, patchOrder } from "../../layers/patch-order.ts";
import type { Parameters, ParameterShapes, PictureFeedOptions, TowerOptions, VisionTower } from "../../model.ts";
import type { EncodedPicture } from "../../processing/picture.ts";
import type { QwenVisionConfig } from "./config.ts";

/** Of norms: fixed in the architecture, not in the config. */
export const epsilon = 1e-6;

export interface TracedTower {
  /** [visual tokens, featureWidth]. */
  readonly features: Value;
  /** See `VisionTower.traceAttention`; traced when it is asked for. */
  readonly received: () => Value;
}

export abstract class QwenVisionTower<Config extends QwenVisionConfig> implements VisionTower {
  readonly parameters: ParameterShapes;
  readonly featureWidth: number;
  protected readonly config: Config;

  constructor(config: Config, parameters: ParameterShapes, featureWidth = config.outHiddenSize) {
    this.config = config;
    this.parameters = parameters;
    this.featureWidth = featureWidth;
  }

  tokens({ grid: [time, height, width] }: EncodedPicture): number {
    return (time * height * width) / this.config.mergeSize ** 2;
  }

  gridOf(visualTokens: number): EncodedPicture["grid"] {
    return gridOfUnits(visualTokens, this.config.mergeSize);
  }

  order(pictures: readonly EncodedPicture[]): Int32Array {
    return this.patchOrder(pictures).tokenRow;
  }

  feeds(pictures: readonly EncodedPicture[], options: PictureFeedOptions = {}): Record<string, HostArray> {
    const order = this.patchOrder(pictures, options);
    return { ...patchFeeds(pictures, order, this.config, options), ...this.ownFeeds(pictures, order, options) };
  }

  rows({ pixels }: Readonly<Record<string, HostArray>>): number {
    return pixels!.shape[0]!;
  }

  trace(graph: Graph, parameters: Parameters, options: TowerOptions = {}): Value {
    return this.traceTower(graph, parameters, options).features;
  }

  traceAttention(graph: Graph, parameters: Parameters): Value {
    return this.traceTower(graph, parameters, {}).received();
  }

  protected abstract traceTower(graph: Graph, parameters: Parameters, options: TowerOptions): TracedTower;

  /** The order in which patches reach the tower. */
  protected patchOrder(pictures: readonly EncodedPicture[], options: PictureFeedOptions = {}): PatchOrder {
    return patchOrder(pictures, this.config.mergeSize, Infinity, options);
  }

  /** What this tower is fed besides patches. */
  protected ownFeeds(
    _pictures: readonly EncodedPicture[],
    _order: PatchOrder,
    _options: PictureFeedOptions,
  ): Record<string, HostArray> {
    return {};
  }
}
