import { describe, expect, test } from "vitest";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { symbol } from "../../../../core/graph/dims.ts";
import { Graph } from "../../../../core/graph/graph.ts";
import { matmul } from "../../../../core/graph/ops/index.ts";
import { gpuAdapters, requireArray, requireWebGpu, webgpuProblem } from "../../../../core/graph/onnx/webgpu.ts";

describe("WebGPU", async () => {
  const problem = await webgpuProblem();

  test.skipIf(problem === null)("where there is no adapter, a run for it ends in a sentence", async () => {
    await expect(requireWebGpu(new Map())).rejects.toThrow(
      `device "webgpu": ${problem}; use device "cpu", or see papo doctor`,
    );
  });

  test.skipIf(problem !== null)(
    `has an adapter with a name${problem === null ? "" : ` (skipped: ${problem})`}`,
    async () => {
      await expect(requireWebGpu(new Map([["w", [8, 8]]]))).resolves.toBeUndefined();
      for (const { name, largestArray } of gpuAdapters()) {
        expect(name).not.toBe("");
        expect(largestArray).toBeGreaterThanOrEqual(2 ** 27);
      }
    },
  );

  test.skipIf(gpuAdapters().length === 0)(
    "refuses a parameter that is larger than the adapter's largest array, by name",
    async () => {
      const huge = new Map([
        ["norm.weight", [64]],
        ["model.embed_tokens.weight", [2 ** 20, 2 ** 14]],
      ]);
      await expect(requireWebGpu(huge)).rejects.toThrow(
        /model\.embed_tokens\.weight \[1048576, 16384\] is 65,536 MiB in float32, and .+ reads at most/,
      );
    },
  );

  test.skipIf(problem !== null)(
    "puts an array that never changes on the GPU once, for all programs, and is not fed it",
    async () => {
      const gpu = new OnnxExecutor({ threads: 1, device: "webgpu" });
      const graph = new Graph();
      graph.output("y", matmul(graph.input("x", [symbol("T"), 2]), graph.input("weight", [2, 3])));
      const weight = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
      const x = { shape: [1, 2], data: Float32Array.of(1, 10) };
      const first = await gpu.compile(graph, { frozen: { weight } });
      weight.data.fill(0);
      // The same array again: what lies there is read.
      for (const program of [first, await gpu.compile(graph, { frozen: { weight } })]) {
        expect([...((await program.run({ x })).y?.data ?? [])]).toEqual([41, 52, 63]);
        await program.release();
      }
      await gpu.close();
    },
  );

  test("an array of a pass is refused by name where the adapter's limit is known; where it is not, that is the answer", () => {
    const logits = { what: 'what the op "linear" makes [4096, 151936]', bytes: 4 * 4096 * 151_936 };
    const adapter = { name: "A GPU", kind: "discrete", largestArray: 2 ** 31 } as const;
    expect(() => requireArray(logits, "fewer microbatchTokens", [adapter])).toThrow(
      'device "webgpu": what the op "linear" makes [4096, 151936] is 2,374 MiB in float32, and A GPU reads at most 2,048 MiB in one array: use device "cpu" or fewer microbatchTokens',
    );
    expect(requireArray({ ...logits, bytes: 2 ** 31 }, "", [adapter])).toBe(true);
    expect(requireArray(logits, "", [])).toBe(false);
  });

  test("the processor holds no arrays of its own", async () => {
    const graph = new Graph();
    const x = graph.input("x", [1]);
    graph.output("y", x);
    const frozen = { x: { shape: [1], data: Float32Array.of(1) } };
    await expect(new OnnxExecutor({ threads: 1 }).compile(graph, { frozen })).rejects.toThrow(
      "onnxruntime-node holds no arrays of its own",
    );
  });

  test("long rows are attended in blocks on the processor alone", () => {
    expect(new OnnxExecutor({ threads: 1 }).attendsInBlocks).toBe(true);
    expect(new OnnxExecutor({ threads: 1, device: "webgpu" }).attendsInBlocks).toBe(false);
  });
});
