/** Products with weights, which may have low-rank updates. */
import { at, sameDim, sameShape } from "../dims.ts";
import { first, type Op, type Value } from "../graph.ts";
import type { OnnxWriter } from "../onnx/writer.ts";
import { sum } from "./broadcast.ts";
import { lowRankUpdated } from "./low-rank.ts";
import { matmul } from "./matmul.ts";

/**
 * x·wᵀ + b: x [rows, in], w [out, in] (as Hugging Face files keep it), b [out] or none; with the low-rank updates that
 * the graph has of `w`.
 */
export const linear = (x: Value, w: Value, b?: Value): Value =>
  lowRankUpdated(x.graph.apply(linearOp, b ? [x, w, b] : [x, w], {}), x, w);

/**
 * x·wᵀ where every bit counts, in a head: an executor that computes in a shorter type sums and returns it in float32.
 */
export const logits = (x: Value, w: Value): Value =>
  lowRankUpdated(x.graph.apply(linearOp, [x, w], { full: true }), x, w);

const linearOp: Op = {
  name: "linear",
  outputs: ([x, w, b]) => {
    if (x?.shape.length !== 2 || w?.shape.length !== 2) throw new Error("needs x [rows, in] and w [out, in]");
    if (!sameDim(at(x.shape, 1), at(w.shape, 1))) throw new Error("inner sizes differ");
    if (b && !sameShape(b.shape, [at(w.shape, 0)])) throw new Error("the bias does not fit the weight");
    return [{ shape: [at(x.shape, 0), at(w.shape, 0)], dtype: "float32" }];
  },
  gradient: (node, [dy]) => {
    const [x, w, b] = node.inputs;
    if (!x || !w || !dy) return [];
    const gradients = [matmul(dy, w), matmul(dy, x, { transposeA: true })];
    return b ? [...gradients, sum(dy, [0])] : gradients;
  },
  onnx: (emitter, _, inputs, outputs) => {
    if (emitter.products === "float32") emitter.op("Gemm", inputs, { outputs, attributes: { transB: 1 } });
    else linearInt8(emitter, inputs, outputs);
  },
};

/**
 * Weights are rounded in the graph, since they change from step to step; 127 steps on either side of their zero point.
 */
function linearInt8(emitter: OnnxWriter, [x, w, b]: readonly string[], outputs: readonly string[]): void {
  const one = (type: string, inputs: readonly string[], attributes = {}): string =>
    first(emitter.op(type, inputs, { attributes }));
  const unsigned = emitter.products === "uint8";
  const type = unsigned ? elementType.uint8 : elementType.int8;
  const largest = one("ReduceMax", [one("Abs", [w!]), emitter.ints([1])], { keepdims: 1 }); // [out, 1]
  const scale = one("Max", [one("Mul", [largest, emitter.float(1 / 127)]), emitter.float(1e-30)]);
  const steps = one("Round", [one("Div", [w!, scale])]);
  const shifted = unsigned ? one("Add", [steps, emitter.float(unsignedZero)]) : steps;
  const turned = one("Transpose", [one("Cast", [shifted], { to: type })], { perm: [1, 0] }); // [in, out]
  const scales = one("Reshape", [scale, emitter.ints([-1])]);
  const zeros = unsigned
    ? one("Cast", [one("Add", [one("Mul", [scales, emitter.float(0)]), emitter.float(unsignedZero)])], { to: type })
    : "";
  const optional = b !== undefined ? [zeros, b] : unsigned ? [zeros] : [];
  emitter.op("DynamicQuantizeMatMul", [x!, turned, scales, ...optional], { outputs, domain: "com.microsoft" });
}

/** TensorProto.DataType. */
const elementType = { uint8: 2, int8: 3 } as const;
const unsignedZero = 128;
