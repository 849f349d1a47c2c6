/** Matrix products. */
import { at, sameDim, sameShape } from "../dims.ts";
import { type Op, type Value } from "../graph.ts";

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly scale?: number;
}

/** scale · A·B over the last two axes, each side transposed on request; leading axes are equal. */
export const matmul = (
  a: Value,
  b: Value,
  { transposeA = false, transposeB = false, scale = 1 }: MatmulOptions = {},
): Value => a.graph.apply(matmulOp, [a, b], { transposeA, transposeB, scale });

const matmulOp: Op<Required<MatmulOptions> & Record<string, unknown>> = {
  name: "matmul",
  outputs: ([a, b], { transposeA, transposeB }) => {
    if (!a || !b || a.shape.length < 2) throw new Error("needs two inputs of rank 2 or more");
    const batch = a.shape.slice(0, -2);
    const [m, k] = transposeA ? [-1, -2] : [-2, -1];
    const [l, n] = transposeB ? [-1, -2] : [-2, -1];
    if (!sameShape(batch, b.shape.slice(0, -2))) throw new Error("leading axes differ");
    if (!sameDim(at(a.shape, k), at(b.shape, l))) throw new Error("inner sizes differ");
    return [{ shape: [...batch, at(a.shape, m), at(b.shape, n)], dtype: "float32" }];
  },
  gradient: (node, [dy]) => {
    const [a, b] = node.inputs;
    const { transposeA, transposeB, scale } = node.attributes;
    if (!a || !b || !dy) return [];
    const da = transposeA
      ? matmul(b, dy, { transposeA: transposeB, transposeB: true, scale })
      : matmul(dy, b, { transposeB: !transposeB, scale });
    const db = transposeB
      ? matmul(dy, a, { transposeA: true, transposeB: transposeA, scale })
      : matmul(a, dy, { transposeA: !transposeA, scale });
    return [da, db];
  },
  onnx: (emitter, { attributes: { transposeA, transposeB, scale } }, inputs, outputs) => {
    if (!transposeA && !transposeB && scale === 1) return void emitter.op("MatMul", inputs, { outputs });
    const attributes = { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: scale } };
    emitter.op("FusedMatMul", inputs, { outputs, attributes, domain: "com.microsoft" });
  },
};
