import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { Graph } from "../../../../core/graph/graph.ts";
import { emitOnnx } from "../../../../core/graph/onnx/emitter.ts";
import { int8SumsAreExact } from "../../../../core/graph/onnx/int8-sums.ts";
import { linear } from "../../../../core/graph/ops/index.ts";

/** 64 products of ones with weights of ±1, and a bias: sums that int8 kernels without VNNI cut at half. */
async function largeSums(products: "int8" | "uint8"): Promise<number[]> {
  const graph = new Graph();
  graph.output("y", linear(graph.input("x", [16, 64]), graph.input("w", [32, 64]), graph.input("b", [32])));
  const session = await InferenceSession.create(emitOnnx(graph, { products }));
  const signs = Float32Array.from({ length: 32 * 64 }, (_, i) => (Math.floor(i / 64) % 2 === 0 ? 1 : -1));
  const { y } = await session.run({
    x: new Tensor("float32", new Float32Array(16 * 64).fill(1), [16, 64]),
    w: new Tensor("float32", signs, [32, 64]),
    b: new Tensor("float32", new Float32Array(32).fill(0.5), [32]),
  });
  await session.release();
  return [...(y?.data as Float32Array)];
}

test("weights in uint8 give exact sums of large products on any processor; in int8 where the probe says so", async () => {
  const right = Array.from({ length: 16 * 32 }, (_, i) => (i % 2 === 0 ? 64.5 : -63.5));
  const close = (sums: number[]): boolean => sums.every((sum, i) => Math.abs(sum - right[i]!) < 0.01);
  expect(close(await largeSums("uint8"))).toBe(true);
  expect(close(await largeSums("int8"))).toBe(await int8SumsAreExact());
});
