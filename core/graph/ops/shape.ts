/** Ops that move data without computing: reshape, transpose, concat, split, expand, zeros. */
import { at, plus, sameDim, sameShape, type Shape, shapeText, sizeOf } from "../dims.ts";
import { type Graph, type Op, type Value, first } from "../graph.ts";

/** The same entries, row-major, under another shape. */
export const reshape = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : x.graph.apply(reshapeOp, [x], { shape });

/** Axis i of the result is axis permutation[i] of `x`. */
export const transpose = (x: Value, permutation: readonly number[]): Value =>
  permutation.every((axis, i) => axis === i) ? x : x.graph.apply(transposeOp, [x], { permutation });

/** Join along an axis; all other axes are equal. */
export const concat = (values: readonly Value[], axis: number): Value =>
  values.length === 1 ? first(values) : first(values).graph.apply(concatOp, values, { axis });

/** Cut along an axis into pieces of the given sizes, which add up to it. */
export const split = (x: Value, sizes: Shape, axis: number): readonly Value[] =>
  sizes.length === 1 && sameDim(at(sizes, 0), at(x.shape, axis))
    ? [x]
    : x.graph.applyAll(splitOp, [x], { sizes, axis });

/** An array of zeros. */
export const zeros = (graph: Graph, shape: Shape): Value => graph.apply(zerosOp, [], { shape });

const reshapeOp: Op<{ readonly shape: Shape }> = {
  name: "reshape",
  outputs: (inputs, { shape }) => {
    const x = first(inputs);
    if (!sameDim(sizeOf(x.shape), sizeOf(shape)))
      throw new Error(`cannot become ${shapeText(shape)}: the sizes differ`);
    return [{ shape, dtype: x.dtype }];
  },
  gradient: (node, [dy]) => (dy ? [reshape(dy, first(node.inputs).shape)] : []),
  onnx: (emitter, { attributes }, inputs, outputs) =>
    void emitter.op("Reshape", [first(inputs), emitter.reshapeTarget(attributes.shape)], { outputs }),
};

const transposeOp: Op<{ readonly permutation: readonly number[] }> = {
  name: "transpose",
  outputs: (inputs, { permutation }) => {
    const x = first(inputs);
    if ([...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i) || permutation.length !== x.shape.length) {
      throw new Error(`[${permutation.join(", ")}] is no permutation of its axes`);
    }
    return [{ shape: permutation.map((axis) => at(x.shape, axis)), dtype: x.dtype }];
  },
  gradient: (node, [dy]) => {
    const inverse: number[] = [];
    node.attributes.permutation.forEach((axis, i) => (inverse[axis] = i));
    return dy ? [transpose(dy, inverse)] : [];
  },
  onnx: (emitter, { attributes }, inputs, outputs) =>
    void emitter.op("Transpose", inputs, { outputs, attributes: { perm: attributes.permutation } }),
};

const concatOp: Op<{ readonly axis: number }> = {
  name: "concat",
  outputs: (inputs, { axis }) => {
    const { shape, dtype } = first(inputs);
    for (const { shape: other } of inputs) {
      if (other.length !== shape.length || other.some((dim, i) => i !== axis && !sameDim(dim, at(shape, i)))) {
        throw new Error(`shapes differ outside axis ${axis}`);
      }
    }
    return [
      { shape: shape.map((dim, i) => (i === axis ? plus(...inputs.map((v) => at(v.shape, axis))) : dim)), dtype },
    ];
  },
  gradient: (node, [dy]) => {
    const { axis } = node.attributes;
    const sizes = node.inputs.map((v) => at(v.shape, axis));
    return dy ? split(dy, sizes, axis) : [];
  },
  onnx: (emitter, { attributes }, inputs, outputs) =>
    void emitter.op("Concat", inputs, { outputs, attributes: { axis: attributes.axis } }),
};

const splitOp: Op<{ readonly sizes: Shape; readonly axis: number }> = {
  name: "split",
  outputs: (inputs, { sizes, axis }) => {
    const { shape, dtype } = first(inputs);
    if (!sameDim(plus(...sizes), at(shape, axis)))
      throw new Error(`sizes ${shapeText(sizes)} do not add up to axis ${axis}`);
    return sizes.map((size) => ({ shape: shape.map((dim, i) => (i === axis ? size : dim)), dtype }));
  },
  gradient: (node, cotangents) => [
    concat(
      node.outputs.map((output, i) => cotangents[i] ?? zeros(output.graph, output.shape)),
      node.attributes.axis,
    ),
  ],
  onnx: (emitter, { attributes: { sizes, axis } }, inputs, outputs) =>
    void emitter.op("Split", [first(inputs), emitter.shape(sizes)], { outputs, attributes: { axis } }),
};

export const zerosOp: Op<{ readonly shape: Shape }> = {
  name: "zeros",
  outputs: (_, { shape }) => [{ shape, dtype: "float32" }],
  onnx: (emitter, { attributes }, _, outputs) =>
    void emitter.op("ConstantOfShape", [emitter.shape(attributes.shape)], { outputs }),
};
