import { expect, test } from "vitest";
import { symbol } from "../../../../core/graph/dims.ts";
import { Graph } from "../../../../core/graph/graph.ts";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { peakBytes } from "../../../../core/graph/onnx/peak.ts";
import { add, affine, matmul, mul, split } from "../../../../core/graph/ops/index.ts";

const floats = (shape: readonly number[], first = 0) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i),
});

/** "dw" = xᵀ·dy, two such in a row, and an output of the rows' own size. */
function passBack(): Graph {
  const graph = new Graph();
  const T = symbol("T");
  const [x, dy] = [graph.input("x", [T, 2]), graph.input("dy", [T, 3])];
  graph.output("rows", mul(dy, dy));
  graph.output("dw", matmul(x, dy, { transposeA: true }));
  graph.output("twice", affine(matmul(x, dy, { transposeA: true }), 2));
  return graph;
}

test("adds outputs to the arrays it is given, run after run, and returns the others", async () => {
  const program = await new OnnxExecutor({ threads: 1 }).compile(passBack(), { sums: ["dw", "twice"] });
  const sums = {
    dw: { shape: [2, 3], data: new Float32Array(6).fill(100) },
    twice: { shape: [2, 3], data: new Float32Array(6) },
  };
  const [short, long] = [
    { x: floats([1, 2]), dy: floats([1, 3], 1) },
    { x: floats([2, 2], 1), dy: floats([2, 3]) },
  ];
  const first = await program.run(short, sums);
  expect(first).toEqual({ rows: { shape: [1, 3], data: Float32Array.of(1, 4, 9) } });
  expect([...sums.dw.data]).toEqual([100, 100, 100, 101, 102, 103]);
  const second = await program.run(long, sums);
  expect(second["rows"]?.shape).toEqual([2, 3]);
  expect([...sums.dw.data]).toEqual([109, 113, 117, 113, 120, 127]);
  expect([...sums.twice.data]).toEqual([18, 26, 34, 26, 40, 54]);
  await program.release();
});

test("reads stretches of what is fed where they lie, in one run after another, beside the whole", async () => {
  const graph = new Graph();
  const [table, x] = [graph.input("table", [5, 2]), graph.input("x", [symbol("T"), 2])];
  const [upper, lower] = split(table, [2, 3], 0);
  graph.output("upper", matmul(x, upper!, { transposeB: true }));
  graph.output(
    "both",
    add(matmul(matmul(x, lower!, { transposeB: true }), lower!), matmul(matmul(x, table, { transposeB: true }), table)),
  );
  const feeds = { table: floats([5, 2], 1), x: floats([1, 2], 1) };
  const program = await new OnnxExecutor({ threads: 1 }).compile(graph);
  const { upper: first, both } = await program.run(feeds);
  expect([[...first!.data], [...both!.data]]).toEqual([
    [5, 11],
    [17 * 5 + 23 * 7 + 29 * 9 + 5 + 33 + 85 + 161 + 261, 17 * 6 + 23 * 8 + 29 * 10 + 10 + 44 + 102 + 184 + 290],
  ]);
  expect([...(await program.run({ ...feeds, table: floats([5, 2], 2) })).upper!.data]).toEqual([8, 14]);
  expect(peakBytes(graph, { sizes: new Map([["T", 1]]) })).toBeLessThan(4 * 5 * 2 * 2);
  await program.release();
});

test("asks for the arrays, and says what is wrong with their size", async () => {
  const program = await new OnnxExecutor({ threads: 1 }).compile(passBack(), { sums: ["dw"] });
  const feeds = { x: floats([1, 2]), dy: floats([1, 3]) };
  await expect(program.run(feeds)).rejects.toThrow('adds its output "dw" to an array, and was given none');
  await expect(program.run(feeds, { dw: { shape: [3, 3], data: new Float32Array(9) } })).rejects.toThrow(/sum of dw/);
  await program.release();
});

test("makes no copy of an output that is summed up", async () => {
  const graph = new Graph();
  const size = 2048;
  graph.output("sum", matmul(graph.input("a", [size, 1]), graph.input("b", [1, size])));
  const program = await new OnnxExecutor({ threads: 1 }).compile(graph, { sums: ["sum"] });
  const feeds = { a: floats([size, 1]), b: floats([1, size]) };
  const sums = { sum: { shape: [size, size], data: new Float32Array(size * size) } };
  const before = process.memoryUsage().arrayBuffers;
  for (let run = 0; run < 8; run++) await program.run(feeds, sums);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * size * size);
  expect(sums.sum.data[size + 1]).toBe(8);
  await program.release();
});
