import { expect, test } from "vitest";
import { symbol } from "../../../../core/graph/dims.ts";
import { gradient } from "../../../../core/graph/gradient.ts";
import { Graph } from "../../../../core/graph/graph.ts";
import { add, concat, exp, gatherRows, linear, mul, split } from "../../../../core/graph/ops/index.ts";
import { recomputed } from "../../../../core/graph/ops/recompute.ts";
import { largestArray, peakBytes } from "../../../../core/graph/onnx/peak.ts";

const B = symbol("B");
const sizes = new Map([["B", 10]]);
/** Bytes of an array [B, 25]. */
const array = 4 * 10 * 25;

test("an array lives from the node that makes it to its last reader", () => {
  const graph = new Graph();
  const x = graph.input("x", [B, 25]);
  const a = exp(x);
  const b = exp(a);
  const c = exp(b);
  graph.output("y", exp(c));
  // Two at a time: what is read and what is made; x is somebody else's.
  expect(peakBytes(graph, { sizes })).toBe(2 * array);
  const kept = new Graph();
  const y = kept.input("x", [B, 25]);
  const first = exp(y);
  kept.output("y", add(exp(exp(first)), first));
  expect(peakBytes(kept, { sizes })).toBe(3 * array);
});

test("arrays of fixed sizes are written over where nobody else reads them", () => {
  const graph = new Graph();
  graph.output("y", exp(exp(exp(graph.input("x", [10, 25])))));
  expect(peakBytes(graph, { sizes })).toBe(array);
});

test("gradients that are added to arrays that are there go at once; recomputed layers keep their inputs alone", () => {
  const deep = (recompute: boolean): number => {
    const graph = new Graph();
    const one = graph.input("one", [1]);
    let x = graph.input("x", [B, 25]);
    for (let layer = 0; layer < 12; layer++) {
      const w = graph.input(`w${layer}`, [25, 25]);
      const f = (from: typeof x) => mul(exp(linear(from, w)), exp(exp(from)));
      x = recompute ? recomputed(x, one, f) : f(x);
    }
    const cotangent = graph.input("cotangent", [B, 25]);
    const weights = [...graph.inputs.values()].filter(({ shape }) => shape[0] === 25);
    gradient([{ value: x, cotangent }], weights).forEach((value, i) => graph.output(`gradient ${i}`, value));
    return peakBytes(graph, { sizes, sums: new Set(graph.outputs.keys()) });
  };
  // Plain: four arrays a layer and more; recomputed: one.
  expect(deep(false)).toBeGreaterThan(12 * 3 * array);
  expect(deep(true)).toBeLessThan(12 * 2 * array);
  expect(deep(true)).toBeGreaterThan(12 * array);
});

test("weights in files are widened for one reader at a time, and of tables the rows alone that are read", () => {
  const graph = new Graph();
  const table = graph.input("table", [1000, 25]);
  const rows = gatherRows(table, graph.input("ids", [B], "int32"));
  const parts = split(table, [500, 500], 0);
  graph.output("y", add(linear(rows, parts[0]!), linear(rows, parts[1]!)));
  const half = 4 * 500 * 25;
  const logits = 4 * 10 * 500;
  expect(peakBytes(graph, { sizes, files: new Map([["table", "BF16"]]) })).toBe(array + 2 * logits + half);
  expect(peakBytes(graph, { sizes, files: new Map([["table", "F32"]]) })).toBe(3 * logits);
  // In memory, halves are read where they lie.
  expect(peakBytes(graph, { sizes })).toBe(peakBytes(graph, { sizes, files: new Map([["table", "F32"]]) }));
});

test("the largest array is a weight, joined weights or what an op makes, by its size at these sizes", () => {
  const graph = new Graph();
  const [a, b] = [graph.input("a", [20, 4]), graph.input("b", [30, 4])];
  graph.output("y", linear(graph.input("x", [B, 4]), concat([a, b], 0)));
  expect(largestArray(graph, new Map([["B", 2]]))).toEqual({
    what: 'what the op "concat" makes [50, 4]',
    bytes: 4 * 50 * 4,
  });
  expect(largestArray(graph, new Map([["B", 10]]))).toEqual({
    what: 'what the op "linear" makes [10, 50]',
    bytes: 4 * 10 * 50,
  });
  const alone = new Graph();
  alone.output("y", linear(alone.input("x", [B, 4]), alone.input("w", [2, 4])));
  expect(largestArray(alone, new Map([["B", 9]]))).toEqual({ what: "x [9, 4]", bytes: 4 * 9 * 4 });
});
