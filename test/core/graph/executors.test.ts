import { afterAll, describe, expect, test } from "vitest";
import { plus, symbol, times } from "../../../core/graph/dims.ts";
import type { Executor, Program } from "../../../core/graph/executor.ts";
import { createRandom } from "../../../core/math/random.ts";
import { Graph } from "../../../core/graph/graph.ts";
import {
  add,
  affine,
  concat,
  expand,
  linear,
  matmul,
  reshape,
  silu,
  split,
  sum,
  withGradient,
} from "../../../core/graph/ops/index.ts";
import { executors } from "../../support/executors.ts";

const programs: Program[] = [];
const compileOn = async (executor: Executor, ...args: Parameters<Executor["compile"]>): Promise<Program> => {
  const program = await executor.compile(...args);
  programs.push(program);
  return program;
};
const floats = (shape: readonly number[], first = 0) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i),
});

afterAll(async () => {
  for (const program of programs) await program.release();
});

/** Rows of two inputs, joined, spread over a third axis and taken apart again: every size but the last is symbolic. */
const joined = (): Graph => {
  const graph = new Graph();
  const [B, P, N] = [symbol("B"), symbol("P"), symbol("N")];
  const both = concat([graph.input("prefix", [B, P, 2]), graph.input("own", [B, N, 2])], 1);
  const wide = expand(reshape(both, [B, plus(P, N), 1, 2]), [B, plus(P, N), 3, 2]);
  graph.output("total", sum(wide, [2]));
  const [, own] = split(reshape(wide, [times(B, plus(P, N)), 6]), [times(B, P), times(B, N)], 0);
  if (own) graph.output("last rows", own);
  return graph;
};

describe.each(executors)("$name", (executor) => {
  const compile = (...args: Parameters<Executor["compile"]>): Promise<Program> => compileOn(executor, ...args);

  test("runs one program on arrays of any sizes that fit its symbols, one and none included", async () => {
    const program = await compile(joined());
    for (const [B, P, N] of [
      [2, 3, 1],
      [1, 1, 1],
      [3, 2, 4],
      [2, 1, 0],
    ] as const) {
      const { total, "last rows": rows } = await program.run({
        prefix: floats([B, P, 2]),
        own: floats([B, N, 2], 100),
      });
      expect(total?.shape).toEqual([B, P + N, 2]);
      expect([...(total?.data ?? [])].slice(0, 2)).toEqual([0, 3]);
      expect(rows?.shape).toEqual([B * N, 6]);
    }
  });

  test("gives the same bits twice", async () => {
    const graph = new Graph();
    graph.output("y", silu(graph.input("x", [symbol("T"), 64])));
    const program = await compile(graph);
    const x = floats([50, 64], -1600);
    expect((await program.run({ x })).y).toEqual((await program.run({ x })).y);
  });

  test("returns a value with a rule of its own, an input, and one value under two names", async () => {
    const graph = new Graph();
    const x = graph.input("x", [2]);
    const y = withGradient(affine(x, 2), [x], (dy) => [dy]);
    graph.output("ruled", y);
    graph.output("again", y);
    graph.output("copied", x);
    graph.output("used", add(y, x));
    const out = await (await compile(graph)).run({ x: floats([2], 1) });
    expect(Object.fromEntries(Object.entries(out).map(([name, { data }]) => [name, [...data]]))).toEqual({
      ruled: [2, 4],
      again: [2, 4],
      copied: [1, 2],
      used: [3, 6],
    });
  });

  test("names a feed that is missing or of another size", async () => {
    const graph = new Graph();
    graph.output("y", affine(graph.input("x", [symbol("T"), 2]), 3));
    const program = await compile(graph);
    await expect(program.run({})).rejects.toThrow('"x" was not fed');
    await expect(program.run({ x: { shape: [2, 2], data: new Float32Array(3) } })).rejects.toThrow(
      '"x": 3 entries for shape [2, 2]',
    );
  });

  test("holds constants as they were when it was compiled, and is not fed them", async () => {
    const graph = new Graph();
    const weight = graph.input("weight", [2, 3]);
    graph.output("y", matmul(graph.input("x", [symbol("T"), 2]), concat([weight, weight], 1)));
    const held = floats([2, 3], 1);
    const program = await compile(graph, { constants: { weight: held } });
    held.data.fill(0);
    const x = { shape: [1, 2], data: Float32Array.of(1, 10) };
    expect([...((await program.run({ x })).y?.data ?? [])]).toEqual([41, 52, 63, 41, 52, 63]);
    const other = await compile(graph, { constants: { weight: floats([2, 3], 0) } });
    expect([...((await other.run({ x })).y?.data ?? [])]).toEqual([30, 41, 52, 30, 41, 52]);
  });
});

test("products in int8 differ from float32 by less than their rounding, with and without a bias, weights fed or held; TensorFlow has none", async () => {
  const random = createRandom(3);
  const array = (name: string, shape: readonly number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => random.key(name).uniform(i) - 0.5),
  });
  const [x, w, b] = [array("x", [7, 48]), array("w", [20, 48]), array("b", [20])];
  const graph = new Graph();
  const input = graph.input("x", [symbol("T"), 48]);
  const weight = graph.input("w", [20, 48]);
  graph.output("plain", linear(input, weight));
  graph.output("biased", linear(input, weight, graph.input("b", [20])));
  const onnx = executors[0]!;
  const tensorflow = executors.find(({ name }) => name === "TensorFlow");
  const run = async (options: Parameters<Executor["compile"]>[1]) =>
    (await compileOn(onnx, graph, options)).run({ x, w, b });
  const exact = await run({});
  for (const found of [await run({ products: "int8" }), await run({ products: "int8", constants: { w } })]) {
    for (const name of ["plain", "biased"]) {
      const errors = found[name]!.data.map((value, i) => Math.abs(value - exact[name]!.data[i]!));
      // Half a step of 1/255 of the rows' range and of 1/127 of the weights', over 48 products.
      expect(Math.max(...errors)).toBeLessThan(48 * (0.5 * (0.5 / 255) + 0.5 * (0.25 / 127)));
      expect(Math.max(...errors)).toBeGreaterThan(1e-5);
    }
  }
  if (tensorflow !== undefined)
    expect(() => tensorflow.compile(graph, { products: "int8" })).toThrow("products in int8 are onnxruntime's");
});
