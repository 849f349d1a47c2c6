import { expect, test } from "vitest";
import { Graph, type Value } from "../../../../core/graph/graph.ts";
import { traceBackward } from "../../../../core/learner/passes/learner-graphs.ts";
import type { Output } from "../../../../core/learner/learner.ts";
import { parseQwen25VlConfig } from "../../../../core/model/families/qwen2.5-vl/config.ts";
import type { RowLayout } from "../../../../core/model/rows/inputs.ts";
import { createModel } from "../../../../core/model/registry.ts";
import { qwenConfig } from "../../../../recipes/app/tasks/shapes/model.ts";

const decoder = { width: 64, heads: 1, keyValueHeads: 1, intermediate: 64, vocabulary: 512, mropeSection: [8, 12, 12] };
const vision = {
  width: 64,
  layers: 1,
  heads: 1,
  intermediate: 64,
  patch: 14,
  temporal: 2,
  merge: 2,
  fullAttention: [0],
};

function graphOf(
  layers: number,
  options: { readonly recompute: boolean; readonly layout: RowLayout },
  outputs: readonly Output[] = ["logProbs"],
): Graph {
  const model = createModel(parseQwen25VlConfig(qwenConfig({ ...decoder, layers }, vision)));
  const graph = new Graph();
  const parameters = (name: string): Value => graph.inputs.get(name) ?? graph.input(name, model.parameters.get(name)!);
  const wanted = { outputs, trained: new Set(model.parameters.keys()), trainsVision: true };
  traceBackward(model, graph, parameters, wanted, { ...options, vocabularyChunk: 16_384 });
  return graph;
}

test.each<{ recompute: boolean; layout: RowLayout }>([
  { recompute: true, layout: "shared" },
  { recompute: true, layout: "padded" },
  { recompute: true, layout: "packed" },
  { recompute: false, layout: "shared" },
])("a layer more is as many nodes more at any depth: %o", (options) => {
  const [six, twelve, fortyEight] = [6, 12, 48].map((layers) => graphOf(layers, options).nodes.length) as [
    number,
    number,
    number,
  ];
  expect(fortyEight - twelve).toBe(6 * (twelve - six));
});

test.each<{ recompute: boolean; layout: RowLayout }>([
  { recompute: true, layout: "shared" },
  { recompute: false, layout: "padded" },
  { recompute: true, layout: "packed" },
  { recompute: false, layout: "packed" },
])("attention to the picture is in the graph for those layers alone whose it is asked of: %o", (options) => {
  const unasked = graphOf(3, options);
  const asked = graphOf(3, options, ["logProbs", "pictureAttention(1)"]);
  const [feeds, attends] = [["row.regarded", "token.rows"], options.layout === "packed"];
  expect(feeds.map((feed) => unasked.inputs.has(feed))).toEqual([false, false]);
  expect(feeds.map((feed) => asked.inputs.has(feed))).toEqual([true, true]);
  const attributes = (graph: Graph, op: string) =>
    graph.nodes.filter((node) => node.op.name === op).map((node) => node.attributes);
  const heads = { heads: 1, kvHeads: 1, headSize: 64 };
  const again = options.recompute ? 3 : 0;
  expect(attributes(unasked, "blockAttention")).toEqual(attends ? new Array(3 + again).fill(heads) : []);
  expect(attributes(asked, "blockAttention").filter(({ valueSize }) => valueSize === 65)).toHaveLength(
    attends ? (options.recompute ? 2 : 1) : 0,
  );
  expect(attributes(asked, "blockAttentionBack").filter(({ valueSize }) => valueSize === 65)).toHaveLength(
    attends ? 1 : 0,
  );
});
