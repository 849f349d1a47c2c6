/** RMS normalisation and rotary position embedding. */
import { at, sameShape, times } from "../dims.ts";
import { type Op, type Value, first } from "../graph.ts";
import { add, affine, mul, neg, sub } from "./elementwise.ts";
import { sum, sumLast } from "./broadcast.ts";

/** x / sqrt(mean(x²) + epsilon) · weight over the last axis; x [rows, D], weight [D] (arXiv:1910.07467). */
export const rmsNorm = (x: Value, weight: Value, epsilon: number): Value =>
  first(x.graph.applyAll(rmsNormOp, [x, weight], { epsilon }));

/** [rmsNorm(x + y), x + y] in one op, for graphs of few rows; its gradient computes the norm again. */
export const addRmsNorm = (x: Value, y: Value, weight: Value, epsilon: number): readonly [normed: Value, sum: Value] =>
  x.graph.applyAll(addRmsNormOp, [x, y, weight], { epsilon }) as unknown as readonly [Value, Value];

/**
 * Rotate pairs (i, i + half) of each head by the row's angles (arXiv:2104.09864, in the half-split layout).
 * x [rows, heads · 2·half]; cos, sin [rows, half].
 */
export const rope = (x: Value, cos: Value, sin: Value, heads: number): Value =>
  x.graph.apply(ropeOp, [x, cos, sin], { heads });

const rmsNormOp: Op<{ readonly epsilon: number }> = {
  name: "rmsNorm",
  outputs: ([x, weight]) => {
    if (x?.shape.length !== 2 || !weight || !sameShape(weight.shape, [at(x.shape, 1)]))
      throw new Error("needs x [rows, D] and weight [D]");
    return [
      { shape: x.shape, dtype: "float32" },
      { shape: [at(x.shape, 0), 1], dtype: "float32" },
    ];
  },
  gradient: (node, [dy]) => {
    const [x, weight] = node.inputs;
    const inverse = node.outputs[1];
    if (!x || !weight || !inverse || !dy) return [];
    const size = at(weight.shape, 0);
    if (typeof size !== "number") throw new Error("the normalised axis needs a fixed size");
    const normalised = mul(x, inverse);
    const scaled = mul(dy, weight);
    const mean = affine(sumLast(mul(scaled, normalised)), 1 / size);
    return [mul(inverse, sub(scaled, mul(normalised, mean))), sum(mul(dy, normalised), [0])];
  },
  onnx: (emitter, { attributes: { epsilon } }, inputs, outputs) => {
    const attributes = { axis: -1, epsilon: { float: epsilon } };
    if (emitter.device === "cpu")
      return void emitter.op("SimplifiedLayerNormalization", inputs, { outputs, attributes });
    // WebGPU's kernel gives the row's mean where the processor's gives 1 / √(mean(x²) + epsilon): computed beside it.
    const [x = ""] = inputs;
    const [y = "", inverse = ""] = outputs;
    emitter.op("SimplifiedLayerNormalization", inputs, { outputs: [y], attributes });
    const squares = first(emitter.op("Mul", [x, x]));
    const mean = first(emitter.op("ReduceMean", [squares, emitter.ints([1])], { attributes: { keepdims: 1 } }));
    const root = first(emitter.op("Sqrt", [first(emitter.op("Add", [mean, emitter.float(epsilon)]))]));
    emitter.op("Reciprocal", [root], { outputs: [inverse] });
  },
};

const addRmsNormOp: Op<{ readonly epsilon: number }> = {
  name: "addRmsNorm",
  outputs: ([x, y, weight]) => {
    if (
      x?.shape.length !== 2 ||
      !y ||
      !sameShape(x.shape, y.shape) ||
      !weight ||
      !sameShape(weight.shape, [at(x.shape, 1)])
    )
      throw new Error("needs x and y [rows, D] and weight [D]");
    return [
      { shape: x.shape, dtype: "float32" },
      { shape: x.shape, dtype: "float32" },
    ];
  },
  gradient: (node, [dNormed, dSum]) => {
    const [, sum, weight] = [...node.outputs, node.inputs[2]];
    if (!sum || !weight) return [];
    const normed = first(sum.graph.applyAll(rmsNormOp, [sum, weight], { epsilon: node.attributes.epsilon }));
    const [through, dWeight] = dNormed
      ? (rmsNormOp.gradient?.(normed.node as unknown as typeof node, [dNormed]) ?? [])
      : [];
    const dx = through && dSum ? add(through, dSum) : (through ?? dSum);
    return [dx, dx, dWeight];
  },
  onnx: (emitter, { attributes: { epsilon } }, inputs, [normed = "", sum = ""]) =>
    void emitter.op("SkipSimplifiedLayerNormalization", inputs, {
      outputs: [normed, "", "", sum],
      attributes: { epsilon: { float: epsilon } },
      domain: "com.microsoft",
    }),
};

const ropeOp: Op<{ readonly heads: number }> = {
  name: "rope",
  outputs: ([x, cos, sin], { heads }) => {
    if (x?.shape.length !== 2 || !cos || !sin || !sameShape(cos.shape, sin.shape))
      throw new Error("needs x [rows, D], cos and sin [rows, half]");
    if (!sameShape(x.shape, [at(cos.shape, 0), times(2 * heads, at(cos.shape, 1))]))
      throw new Error(`cos does not fit x with ${heads} heads`);
    return [{ shape: x.shape, dtype: "float32" }];
  },
  gradient: (node, [dy]) => {
    const [, cos, sin] = node.inputs;
    return dy && cos && sin ? [rope(dy, cos, neg(sin), node.attributes.heads)] : [];
  },
  // The kernel wants [batch, positions, D] and a table by position: one sequence whose position i is row i.
  onnx: (emitter, node, [x = "", cos = "", sin = ""], outputs) => {
    const shape = first(node.inputs).shape;
    const sequence = first(emitter.op("Reshape", [x, emitter.reshapeTarget([1, ...shape])]));
    const attributes = { num_heads: node.attributes.heads };
    const rotated = first(
      emitter.op("RotaryEmbedding", [sequence, emitter.ints([0]), cos, sin], { attributes, domain: "com.microsoft" }),
    );
    emitter.op("Reshape", [rotated, emitter.reshapeTarget(shape)], { outputs });
  },
};
