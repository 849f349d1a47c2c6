import { describe, expect, test } from "vitest";
import { symbol } from "../../../../core/graph/dims.ts";
import { gradient } from "../../../../core/graph/gradient.ts";
import { Graph, type Value } from "../../../../core/graph/graph.ts";
import { add, affine, linear, mul, neg, recomputed, sigmoid, silu } from "../../../../core/graph/ops/index.ts";
import { relativeError } from "../../../golden/support.ts";
import { executors } from "../../../support/executors.ts";

const width = 8;

/**
 * Residual layers that share two computed values, one of them from a trained input, and own a matrix each; gradients of
 * all that is trained.
 */
function stack(layers: number, recompute: boolean): Graph {
  const graph = new Graph();
  const T = symbol("T");
  const [x, shared, one] = [graph.input("x", [T, width]), graph.input("shared", [width]), graph.input("one", [1])];
  const gate = sigmoid(shared);
  const offset = neg(mul(x, x));
  const layer =
    (index: number) =>
    (h: Value): Value => {
      const w = graph.inputs.get(`w${index}`) ?? graph.input(`w${index}`, [width, width]);
      return add(h, mul(add(silu(linear(h, w)), affine(offset, 0.1)), gate));
    };
  let h = x;
  for (let index = 0; index < layers; index++) h = recompute ? recomputed(h, one, layer(index)) : layer(index)(h);
  graph.output("y", h);
  const trained = [...graph.inputs].filter(([name]) => name !== "one");
  const gradients = gradient(
    [{ value: h, cotangent: graph.input("cotangent", [T, width]) }],
    trained.map(([, value]) => value),
  );
  trained.forEach(([name], i) => graph.output(`gradient of ${name}`, gradients[i] as Value));
  return graph;
}

const waves = (shape: readonly number[], scale: number, seed: number) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => scale * Math.sin(1.7 * i + seed)),
});

describe("recomputed layers", () => {
  test("are as many nodes each, however many there are", () => {
    const [four, eight, sixteen, thirtyTwo] = [4, 8, 16, 32].map((layers) => stack(layers, true).nodes.length) as [
      number,
      number,
      number,
      number,
    ];
    expect(sixteen - eight).toBe(2 * (eight - four));
    expect(thirtyTwo - sixteen).toBe(4 * (eight - four));
  });

  test.each(executors)("have the gradients of kept ones, 48 deep, also of what they share: $name", async (executor) => {
    const feeds = {
      x: waves([5, width], 1, 0),
      shared: waves([width], 1, 1),
      one: { shape: [1], data: Float32Array.of(1) },
      cotangent: waves([5, width], 1, 2),
      ...Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`w${index}`, waves([width, width], 0.2, index)])),
    };
    const [kept, again] = await Promise.all(
      [false, true].map(async (recompute) => {
        const program = await executor.compile(stack(48, recompute));
        const results = await program.run(feeds);
        await program.release();
        return results;
      }),
    );
    expect(Object.keys(again!)).toHaveLength(1 + 2 + 48);
    for (const [name, { data }] of Object.entries(kept!))
      expect(relativeError(again![name]!.data, data), name).toBeLessThan(1e-6);
  });
});
