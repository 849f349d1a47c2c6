/** Whether this processor adds products of 8-bit numbers exactly. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { Graph } from "../graph.ts";
import { linear } from "../ops/index.ts";
import { emitOnnx } from "./emitter.ts";

let exact: Promise<boolean> | undefined;

/**
 * Without VNNI (AVX2 and AVX-512 before 2019) onnxruntime 1.30 multiplies uint8 rows by int8 weights with VPMADDUBSW,
 * which adds two products in 16 bits and cuts the sum at 32,767: sums of large numbers come out at half of their value.
 * Weights in uint8 go another way, which is exact and slower, so the processor is asked, once, by products of ones.
 */
export function int8SumsAreExact(): Promise<boolean> {
  return (exact ??= measure());
}

async function measure(): Promise<boolean> {
  const graph = new Graph();
  graph.output("y", linear(graph.input("x", [rows, inner]), graph.input("w", [outer, inner])));
  const session = await InferenceSession.create(emitOnnx(graph, { products: "int8" }), { logSeverityLevel: 3 });
  const ones = (count: number): Tensor =>
    new Tensor("float32", new Float32Array(count * inner).fill(1), [count, inner]);
  const { y } = await session.run({ x: ones(rows), w: ones(outer) });
  await session.release();
  return (y?.data as Float32Array).every((sum) => Math.abs(sum - inner) < 0.01 * inner);
}

/** Sizes of the probe: every kernel's tile is filled. */
const [rows, inner, outer] = [16, 64, 32];
