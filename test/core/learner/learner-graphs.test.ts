import { expect, test } from "vitest";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { traceBackward } from "../../../core/learner/learner-graphs.ts";
import { parseQwen25VlConfig } from "../../../core/model/families/qwen2.5-vl/config.ts";
import type { RowLayout } from "../../../core/model/rows/segments.ts";
import { createModel } from "../../../core/model/registry.ts";
import { qwenConfig } from "../../../recipes/app/tasks/shapes/model.ts";

const decoder = { width: 64, heads: 1, keyValueHeads: 1, intermediate: 64, vocabulary: 512, mropeSection: [8, 12, 12] };
const vision = { width: 64, layers: 1, heads: 1, intermediate: 64, patch: 14, temporal: 2, merge: 2, fullAttention: [0] };

function nodesOf(layers: number, options: { readonly recompute: boolean; readonly layout: RowLayout }): number {
  const model = createModel(parseQwen25VlConfig(qwenConfig({ ...decoder, layers }, vision)));
  const graph = new Graph();
  const parameters = (name: string): Value => graph.inputs.get(name) ?? graph.input(name, model.parameters.get(name)!);
  const wanted = { outputs: ["logProbs"] as const, trained: new Set(model.parameters.keys()), trainsVision: true };
  traceBackward(model, graph, parameters, wanted, { ...options, vocabularyChunk: 16_384 });
  return graph.nodes.length;
}

test.each<{ recompute: boolean; layout: RowLayout }>([{ recompute: true, layout: "shared" }, { recompute: true, layout: "padded" }, { recompute: true, layout: "packed" }, { recompute: false, layout: "shared" }])("a layer more is as many nodes more at any depth: %o", (options) => {
  const [six, twelve, fortyEight] = [6, 12, 48].map((layers) => nodesOf(layers, options)) as [number, number, number];
  expect(fortyEight - twelve).toBe(6 * (twelve - six));
});
