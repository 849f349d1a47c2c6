import { describe, expect, test } from "vitest";
import { symbol } from "../../../core/graph/dims.ts";
import { gradient } from "../../../core/graph/gradient.ts";
import { Graph, liveNodes } from "../../../core/graph/graph.ts";
import { add, linear, matmul, mul, reshape, scalar, silu, sum } from "../../../core/graph/ops/index.ts";

describe("a graph", () => {
  test("holds the same op on the same inputs once, and different attributes apart", () => {
    const graph = new Graph();
    const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [2, 3])];
    expect(add(a, b)).toBe(add(a, b));
    expect(add(a, b)).not.toBe(add(b, a));
    expect(matmul(a, b, { transposeB: true })).not.toBe(matmul(a, b, { transposeB: true, scale: 2 }));
  });

  test("refuses what does not fit, naming op and shapes", () => {
    const graph = new Graph();
    const T = symbol("T");
    const [x, w] = [graph.input("x", [T, 8]), graph.input("w", [6, 7])];
    expect(() => linear(x, w)).toThrow("linear([T, 8], [6, 7]): inner sizes differ");
    expect(() => reshape(x, [T, 9])).toThrow("reshape([T, 8]): cannot become [T, 9]");
    expect(() => graph.input("x", [1])).toThrow('"x" exists already');
    graph.output("y", x);
    expect(() => {
      graph.output("y", w);
    }).toThrow('"y" exists already');
  });

  test("needs only what its outputs depend on", () => {
    const graph = new Graph();
    const x = graph.input("x", [4]);
    const used = mul(x, x);
    silu(x);
    graph.output("y", used);
    expect(liveNodes(graph).map(({ op }) => op.name)).toEqual(["input", "mul"]);
  });
});

describe("a gradient", () => {
  test("adds up over every use of a value, and is zeros for one that is not used", () => {
    const graph = new Graph();
    const [x, unused] = [graph.input("x", [3]), graph.input("unused", [2])];
    const y = sum(add(mul(x, x), x), [0]);
    const [dx, dUnused] = gradient([{ value: y, cotangent: scalar(graph, 1) }], [x, unused]);
    expect(dx?.node.op.name).toBe("add");
    expect(dUnused?.node.op.name).toBe("zeros");
    expect(dUnused?.shape).toEqual([2]);
  });

  test("wants a cotangent of the value's shape", () => {
    const graph = new Graph();
    const x = graph.input("x", [3]);
    expect(() => gradient([{ value: mul(x, x), cotangent: scalar(graph, 1) }], [x])).toThrow(
      "a cotangent of shape [] for a value of shape [3]",
    );
  });
});
