import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
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
