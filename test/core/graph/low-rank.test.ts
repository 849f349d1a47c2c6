import { describe, expect, test } from "vitest";
import type { Feeds } from "../../../core/graph/executor.ts";
import { gradient } from "../../../core/graph/gradient.ts";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { splitMix } from "../../../core/graph/ops/dropout.ts";
import { concat, dropout, linear, reshape } from "../../../core/graph/ops/index.ts";
import { executors } from "../../support/executors.ts";
import { relativeError } from "../../golden/support.ts";

const filled = (shape: number[], phase: number) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(3 * i + phase)),
});

/** W + scale · B·A, row-major. */
function merged(w: Float32Array, a: Float32Array, b: Float32Array, scale: number): Float32Array {
  const rank = 2;
  const width = a.length / rank;
  return w.map(
    (value, at) =>
      value +
      scale * [0, 1].reduce((sum, k) => sum + b[Math.floor(at / width) * rank + k]! * a[k * width + (at % width)]!, 0),
  );
}

describe.each(executors.map((executor) => [executor.name, executor] as const))("on %s", (_, executor) => {
  const arrays = {
    x: filled([5, 8], 0),
    w: filled([6, 8], 1),
    v: filled([4, 8], 2),
    a: filled([2, 8], 3),
    b: filled([6, 2], 4),
    a2: filled([2, 8], 5),
    b2: filled([4, 2], 6),
  };

  /** Trace with inputs of the arrays' shapes; w has the update b·a·0.5, v has b2·a2·2. */
  async function run(
    trace: (graph: Graph, inputs: Record<keyof typeof arrays, Value>) => void,
    updated: boolean,
    feeds: Feeds = arrays,
  ): Promise<Record<string, Float32Array>> {
    const graph = new Graph();
    const inputs = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape }]) => [name, graph.input(name, shape)]),
    ) as Record<keyof typeof arrays, Value>;
    if (updated)
      graph.lowRank
        .set(inputs.w, [{ a: inputs.a, b: inputs.b, scale: 0.5, dropout: null }])
        .set(inputs.v, [{ a: inputs.a2, b: inputs.b2, scale: 2, dropout: null }]);
    trace(graph, inputs);
    const program = await executor.compile(graph);
    const results = await program.run(feeds);
    await program.release();
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data]));
  }

  const whole = {
    ...arrays,
    w: { shape: [6, 8], data: merged(arrays.w.data, arrays.a.data, arrays.b.data, 0.5) },
    v: { shape: [4, 8], data: merged(arrays.v.data, arrays.a2.data, arrays.b2.data, 2) },
  };

  test.each<[string, (inputs: Record<"w" | "v", Value>) => Value]>([
    ["a weight", ({ w }) => w],
    [
      "a weight whose rows are in another order",
      ({ w }) => reshape(concat([reshape(w, [2, 3, 8]), reshape(w, [2, 3, 8])], 1), [12, 8]),
    ],
    [
      "joined weights",
      ({ w, v }) => concat([reshape(concat([reshape(w, [2, 3, 8]), reshape(v, [2, 2, 8])], 1), [10, 8]), w], 0),
    ],
  ])("the product with %s is that with the updated weight", async (_name, join) => {
    const trace = (graph: Graph, { x, w, v }: Record<keyof typeof arrays, Value>): void =>
      graph.output("y", linear(x, join({ w, v })));
    const [own, expected] = [await run(trace, true), await run(trace, false, whole)];
    expect(relativeError(own["y"]!, expected["y"]!)).toBeLessThan(1e-6);
  });

  test("gradients of A, B and x are those of the updated weight, and none of the weight is computed", async () => {
    const trace = (graph: Graph, { x, w, a, b }: Record<keyof typeof arrays, Value>): void => {
      const y = linear(x, w);
      const [dx, da, db] = gradient([{ value: y, cotangent: linear(x, w) }], [x, a, b]);
      graph.output("dx", dx!);
      graph.output("da", da!);
      graph.output("db", db!);
    };
    const { dx, da, db } = await run(trace, true);
    const y = (await run((graph, { x, w }) => graph.output("y", linear(x, w)), true))["y"]!;
    const cell = (array: Float32Array, width: number, i: number, j: number): number => array[i * width + j]!;
    const over = (length: number, term: (i: number) => number): number =>
      Array.from({ length }, (_, i) => term(i)).reduce((sum, value) => sum + value, 0);
    const down = (row: number, k: number): number =>
      over(8, (j) => cell(arrays.x.data, 8, row, j) * cell(arrays.a.data, 8, k, j));
    const up = (row: number, k: number): number => over(6, (o) => cell(y, 6, row, o) * cell(arrays.b.data, 2, o, k));
    expect(
      relativeError(
        dx!,
        Array.from({ length: 40 }, (_, at) =>
          over(6, (o) => cell(y, 6, Math.floor(at / 8), o) * cell(whole.w.data, 8, o, at % 8)),
        ),
      ),
    ).toBeLessThan(1e-6);
    expect(
      relativeError(
        da!,
        Array.from(
          { length: 16 },
          (_, at) => 0.5 * over(5, (row) => up(row, Math.floor(at / 8)) * cell(arrays.x.data, 8, row, at % 8)),
        ),
      ),
    ).toBeLessThan(1e-6);
    expect(
      relativeError(
        db!,
        Array.from(
          { length: 12 },
          (_, at) => 0.5 * over(5, (row) => cell(y, 6, row, Math.floor(at / 2)) * down(row, at % 2)),
        ),
      ),
    ).toBeLessThan(1e-6);
  });

  test("dropout keeps what SplitMix64 says, scales it, and sends gradients the same way", async () => {
    const graph = new Graph();
    const [x, key] = [graph.input("x", [40, 10]), graph.input("key", [2], "int32")];
    const y = dropout(x, { key, rate: 0.25 });
    graph.output("y", y);
    graph.output("dx", gradient([{ value: y, cotangent: x }], [x])[0]!);
    const program = await executor.compile(graph);
    const words = Int32Array.of(-7, 1_234_567_890);
    const { y: dropped, dx } = await program.run({
      x: { shape: [40, 10], data: new Float32Array(400).fill(3) },
      key: { shape: [2], data: words },
    });
    await program.release();
    const seed = BigInt.asUintN(64, (BigInt(words[1]!) << 32n) + BigInt(words[0]!));
    const expected = Float32Array.from({ length: 400 }, (_, at) => {
      const [row, column] = [Math.floor(at / 10), at % 10];
      const lane =
        (mix(BigInt.asUintN(64, seed + BigInt(3 * row + Math.floor(column / 4)) * splitMix.gamma)) >>
          BigInt(16 * (column % 4))) &
        65_535n;
      return lane < 16_384n ? 0 : 4;
    });
    expect(dropped!.data).toEqual(expected);
    expect(dx!.data).toEqual(expected);
    expect(expected.filter((value) => value === 0).length / 400).toBeCloseTo(0.25, 1);
  });
});

/** As published: Steele, Lea and Flood, "Fast splittable pseudorandom number generators". */
function mix(word: bigint): bigint {
  const step = (z: bigint, shift: bigint, factor: bigint): bigint => BigInt.asUintN(64, (z ^ (z >> shift)) * factor);
  const z = step(step(word, 30n, 0xbf58476d1ce4e5b9n), 27n, 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}
