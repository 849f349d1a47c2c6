/** The merger of Qwen2-VL's and Qwen2.5-VL's towers: a unit's normed patches, joined, become one visual token. */
import type { Value } from "../../../graph/graph.ts";
import { gelu, linear } from "../../../graph/ops/index.ts";
import type { Parameters } from "../../model.ts";

/** W₂·gelu(W₁·x + b₁) + b₂. @param joined [F, patches of a unit · hidden] @param p the tower's parameters */
export const traceMerger = (joined: Value, p: Parameters): Value => {
  const inner = gelu(linear(joined, p("merger.mlp.0.weight"), p("merger.mlp.0.bias")));
  return linear(inner, p("merger.mlp.2.weight"), p("merger.mlp.2.bias"));
};

/** Its parameters, the norm's left out. @param joined width of a unit's patches @param out width of a visual token */
export const mergerShapes = (joined: number, out: number): [string, number[]][] => [
  ["model.visual.merger.mlp.0.weight", [joined, joined]],
  ["model.visual.merger.mlp.0.bias", [joined]],
  ["model.visual.merger.mlp.2.weight", [out, joined]],
  ["model.visual.merger.mlp.2.bias", [out]],
];
