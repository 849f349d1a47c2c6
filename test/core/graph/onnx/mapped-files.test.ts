import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { expect, test, vi } from "vitest";
import type { FileArray } from "../../../../core/graph/executor.ts";
import { Graph } from "../../../../core/graph/graph.ts";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { affine, matmul } from "../../../../core/graph/ops/index.ts";

const size = 1024;

/** Bytes that the process is counted with for a file that is mapped. */
function countedFor(file: string): number {
  const maps = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return maps
    .filter((map) => map.split("\n")[0]!.includes(file))
    .reduce((sum, map) => sum + 1024 * Number(/^Rss:\s+(\d+)/m.exec(map)![1]), 0);
}

test.skipIf(platform() !== "linux")(
  "programs that read one file are counted with its pages once, and read it right in turn",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "mapped-"));
    try {
      const path = join(folder, "weights.bin");
      const data = Float32Array.from({ length: size * size }, (_, i) => (i % 7) - 3);
      writeFileSync(path, new Uint8Array(data.buffer));
      const weights: FileArray = {
        shape: [size, size],
        data,
        file: { path, offset: 0, type: "F32" },
        bits: () => new Uint16Array(),
      };
      const executor = new OnnxExecutor({ threads: 1 });
      const programs = await Promise.all(
        [1, 2, 3].map((factor) => {
          const graph = new Graph();
          graph.output(
            "product",
            affine(matmul(graph.input("x", [1, size]), graph.input("weights", [size, size])), factor),
          );
          return executor.compile(graph, { files: { weights } });
        }),
      );
      const x = { shape: [1, size], data: new Float32Array(size).fill(1) };
      for (let round = 0; round < 2; round++) {
        for (const [i, program] of programs.entries()) {
          const { product } = await program.run({ x });
          const expected = data.slice(0, size).map((_, column) => {
            let sum = 0;
            for (let row = 0; row < size; row++) sum += data[row * size + column]!;
            return (i + 1) * sum;
          });
          expect([...product!.data]).toEqual([...expected]);
          expect(countedFor(path)).toBeGreaterThan(0.9 * data.byteLength);
          expect(countedFor(path)).toBeLessThan(1.2 * data.byteLength);
        }
      }
      for (const program of programs) await program.release();
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test("weights that a program holds are folded whatever their size, those that it reads in files are not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "folded-"));
  const created = vi.spyOn(InferenceSession, "create");
  try {
    const path = join(folder, "weights.bin");
    const data = new Float32Array(64).fill(1);
    writeFileSync(path, new Uint8Array(data.buffer));
    const weights: FileArray = {
      shape: [8, 8],
      data,
      file: { path, offset: 0, type: "F32" },
      bits: () => new Uint16Array(),
    };
    const executor = new OnnxExecutor({ threads: 1 });
    const asked = [
      { constants: { weights } },
      { constants: { weights: { shape: [8, 8], data } } },
      { files: { weights } },
      {},
    ];
    const optimizations: unknown[] = [];
    for (const options of asked) {
      const graph = new Graph();
      graph.output("product", matmul(graph.input("x", [1, 8]), graph.input("weights", [8, 8])));
      const program = await executor.compile(graph, options);
      const x = { shape: [1, 8], data: new Float32Array(8).fill(1) };
      const { product } = await program.run(Object.keys(options).length === 0 ? { x, weights } : { x });
      expect([...product!.data]).toEqual(new Array(8).fill(8));
      await program.release();
      optimizations.push((created.mock.calls.at(-1)![1] as InferenceSession.SessionOptions).extra?.["optimization"]);
    }
    // By default nothing above 1 GiB is folded: a table of 151,936 × 2,048 was widened for each token.
    const all = { constant_folding_max_output_size_in_bytes: "0" };
    expect(optimizations).toEqual([
      all,
      all,
      { disable_specified_optimizers: "ConstantFolding;CommonSubexpressionElimination" },
      undefined,
    ]);
  } finally {
    created.mockRestore();
    rmSync(folder, { recursive: true });
  }
});
