import { describe, expect, test } from "vitest";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { gpuAdapters, requireWebGpu, webgpuProblem } from "../../../../core/graph/onnx/webgpu.ts";

describe("WebGPU", async () => {
  const problem = await webgpuProblem();

  test.skipIf(problem === null)("where there is no adapter, a run for it ends in a sentence", async () => {
    await expect(requireWebGpu(new Map())).rejects.toThrow(`device "webgpu": ${problem}; use device "cpu", or see papo doctor`);
  });

  test.skipIf(problem !== null)(`has an adapter with a name${problem === null ? "" : ` (skipped: ${problem})`}`, async () => {
    await expect(requireWebGpu(new Map([["w", [8, 8]]]))).resolves.toBeUndefined();
    for (const { name, largestArray } of gpuAdapters()) {
      expect(name).not.toBe("");
      expect(largestArray).toBeGreaterThanOrEqual(2 ** 27);
    }
  });

  test.skipIf(gpuAdapters().length === 0)("refuses a parameter that is larger than the adapter's largest array, by name", async () => {
    const huge = new Map([["norm.weight", [64]], ["model.embed_tokens.weight", [2 ** 20, 2 ** 14]]]);
    await expect(requireWebGpu(huge)).rejects.toThrow(/model\.embed_tokens\.weight \[1048576, 16384\] is 65,536 MiB in float32, and .+ reads at most/);
  });

  test("long rows are attended in blocks on the processor alone", () => {
    expect(new OnnxExecutor({ threads: 1 }).attendsInBlocks).toBe(true);
    expect(new OnnxExecutor({ threads: 1, device: "webgpu" }).attendsInBlocks).toBe(false);
  });
});
