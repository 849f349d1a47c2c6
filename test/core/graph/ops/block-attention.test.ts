import { expect, test } from "vitest";
import type { FloatArray } from "../../../../core/graph/executor.ts";
import { gradient } from "../../../../core/graph/gradient.ts";
import { Graph, type Value } from "../../../../core/graph/graph.ts";
import type { Executor } from "../../../../core/graph/executor.ts";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { symbol } from "../../../../core/graph/dims.ts";
import {
  add,
  blockAttention,
  changedBlockAttention,
  matmul,
  reshape,
  softmax,
  transpose,
} from "../../../../core/graph/ops/index.ts";
import {
  type AttentionSegment,
  blockFeeds,
  blockInputs,
  tileFeeds,
} from "../../../../core/model/rows/attention-blocks.ts";
import { relativeError } from "../../../golden/support.ts";
import { executors } from "../../../support/executors.ts";

const onnx: Executor = new OnnxExecutor({ threads: 2 });
const others = executors.filter(({ attendsInBlocks, name }) => attendsInBlocks === true && name !== onnx.name);
const T = symbol("T");

/** A graph of `out` and the gradients of its inputs q, k and v. */
function withGradients(
  trace: (graph: Graph, q: Value, k: Value, v: Value) => Value,
  { heads, kvHeads, headSize, valueSize }: Record<"heads" | "kvHeads" | "headSize" | "valueSize", number>,
): Graph {
  const graph = new Graph();
  const inputs = [
    graph.input("q", [T, heads * headSize]),
    graph.input("k", [T, kvHeads * headSize]),
    graph.input("v", [T, kvHeads * valueSize]),
  ] as const;
  const out = trace(graph, ...inputs);
  graph.output("out", out);
  const gradients = gradient([{ value: out, cotangent: graph.input("cotangent", [T, heads * valueSize]) }], inputs);
  ["dq", "dk", "dv"].forEach((name, i) => graph.output(name, gradients[i] as Value));
  return graph;
}

/** All scores at once, forbidden ones masked. */
const dense =
  ({ heads, kvHeads, headSize, valueSize }: Record<"heads" | "kvHeads" | "headSize" | "valueSize", number>) =>
  (graph: Graph, q: Value, k: Value, v: Value): Value => {
    const group = heads / kvHeads;
    const byHead = (x: Value, size: number): Value => transpose(reshape(x, [T, kvHeads, size]), [1, 0, 2]);
    const queries = transpose(reshape(q, [T, kvHeads, group, headSize]), [2, 1, 0, 3]);
    const repeated = (x: Value, size: number): Value =>
      add(
        reshape(byHead(x, size), [1, kvHeads, T, size]),
        graph.input(x === k ? "k zeros" : "v zeros", [group, 1, 1, 1]),
      );
    const scores = add(
      matmul(queries, repeated(k, headSize), { transposeB: true, scale: 1 / Math.sqrt(headSize) }),
      graph.input("mask", [T, T]),
    );
    return reshape(transpose(matmul(softmax(scores), repeated(v, valueSize)), [2, 1, 0, 3]), [T, heads * valueSize]);
  };

const waves = (shape: readonly number[], seed: number): FloatArray => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
    Math.sin(0.37 * i * (1 + seed) + seed),
  ),
});

/** Two prompts, one with three responses that read it, one alone; and a picture's rows, which read each other whole. */
const text: AttentionSegment[] = [
  { start: 0, end: 70, seen: [0, 0], causal: true },
  { start: 70, end: 75, seen: [0, 0], causal: true },
  { start: 75, end: 76, seen: [0, 70], causal: true },
  { start: 76, end: 240, seen: [0, 70], causal: true },
  { start: 240, end: 300, seen: [0, 70], causal: true },
];
const pictures: AttentionSegment[] = [
  [0, 150],
  [150, 160],
  [160, 300],
].map(([start, end]) => ({ start: start!, end: end!, seen: [start!, end!], causal: false }));

/** Rows that take several tiles of queries and of keys. */
const long: AttentionSegment[] = [
  { start: 0, end: 600, seen: [0, 0], causal: true },
  { start: 600, end: 603, seen: [0, 600], causal: true },
  { start: 603, end: 900, seen: [0, 600], causal: true },
];
const longPictures: AttentionSegment[] = [
  [0, 700],
  [700, 900],
].map(([start, end]) => ({ start: start!, end: end!, seen: [start!, end!], causal: false }));

const cases: readonly (readonly [
  string,
  readonly AttentionSegment[],
  heads: number,
  kvHeads: number,
  valueSize: number,
])[] = [
  ["text, grouped queries", text, 6, 2, 16],
  ["text, a key for each query", text, 3, 3, 16],
  ["text, grouped queries, values of another size than keys", text, 6, 2, 18],
  ["pictures", pictures, 4, 4, 16],
];
const longCases: typeof cases = [
  ["long text, grouped queries, values of another size", long, 4, 2, 18],
  ["long pictures", longPictures, 2, 2, 16],
];

const runs = [onnx, ...others].flatMap((executor) =>
  (executor === onnx ? cases : [...cases.slice(2), ...longCases]).map(
    ([what, ...sizes]) => [`${what}, ${executor.name}`, executor, ...sizes] as const,
  ),
);

const feedsOn = ({ fixedSizes }: Executor, segments: readonly AttentionSegment[], rows: number) =>
  // Few scores at a time: several blocks a segment.
  fixedSizes === true ? tileFeeds("attention", segments, rows) : blockFeeds("attention", segments, 2 ** 15);

test.each(runs)(
  "in blocks is what it is at once, gradients too: %s",
  async (_, executor, segments, heads, kvHeads, valueSize) => {
    const [rows, headSize] = [segments.at(-1)!.end, 16];
    const sizes = { heads, kvHeads, headSize, valueSize };
    const mask = new Float32Array(rows * rows).fill(-1e9);
    for (const { start, end, seen, causal } of segments) {
      for (let row = start; row < end; row++) {
        mask.fill(0, row * rows + seen[0], row * rows + seen[1]);
        if (causal) mask.fill(0, row * rows + start, row * rows + row + 1);
      }
    }
    const group = { shape: [heads / kvHeads, 1, 1, 1], data: new Float32Array(heads / kvHeads) };
    const blocks = feedsOn(executor, segments, rows);
    if (executor.fixedSizes !== true) expect(blocks["attention.blocks"]?.shape[0]).toBeGreaterThan(segments.length + 3);
    const feeds = {
      q: waves([rows, heads * headSize], 0),
      k: waves([rows, kvHeads * headSize], 1),
      v: waves([rows, kvHeads * valueSize], 2),
      cotangent: waves([rows, heads * valueSize], 3),
      mask: { shape: [rows, rows], data: mask },
      "k zeros": group,
      "v zeros": group,
      ...blocks,
    };
    const [whole, inBlocks] = await Promise.all(
      [
        dense(sizes),
        (graph: Graph, q: Value, k: Value, v: Value) => blockAttention(sizes, q, k, v, blockInputs(graph, "attention")),
      ].map(async (trace, i) => {
        const program = await (i === 0 ? onnx : executor).compile(withGradients(trace, sizes));
        const results = await program.run(feeds);
        await program.release();
        return results;
      }),
    );
    // Sums over several hundred keys that nearly cancel out are rounded to more.
    const bar = rows > 300 ? 1e-5 : 2e-6;
    for (const name of ["out", "dq", "dk", "dv"]) {
      expect(inBlocks![name]!.shape).toEqual(whole![name]!.shape);
      expect(relativeError(inBlocks![name]!.data, whole![name]!.data), name).toBeLessThan(bar);
    }
  },
);

test.skipIf(others.length === 0).each(others.map((executor) => [executor.name, executor] as const))(
  "values that are changed are what onnxruntime's are, on %s",
  async (_, executor) => {
    const [heads, rows] = [{ heads: 4, kvHeads: 2, headSize: 16 }, 900];
    // The first prompt's picture is in it; its responses, and one token in seven of its own, read other values.
    const change = Float32Array.from(
      { length: 3 * rows },
      (_value, i) => [Math.floor(i / 3) < 300 ? 1 : 0, Math.floor(i / 3) % 7 === 0 || i > 1800 ? 1 : 0, 0.5][i % 3]!,
    );
    const [wanted, found] = await Promise.all(
      [onnx, executor].map(async (on) => {
        const graph = new Graph();
        const [q, k, v] = (
          [
            ["q", 4],
            ["k", 2],
            ["v", 2],
          ] as const
        ).map(([name, of]) => graph.input(name, [T, of * 16])) as [Value, Value, Value];
        graph.output(
          "out",
          changedBlockAttention(heads, q, k, v, graph.input("change", [T, 3]), blockInputs(graph, "attention")),
        );
        const program = await on.compile(graph);
        const feeds = {
          q: waves([rows, 64], 0),
          k: waves([rows, 32], 1),
          v: waves([rows, 32], 2),
          change: { shape: [rows, 3], data: change },
          ...feedsOn(on, long, rows),
        };
        const { out } = await program.run(feeds);
        await program.release();
        return out!.data;
      }),
    );
    expect(relativeError(found!, wanted!)).toBeLessThan(1e-5);
  },
);
