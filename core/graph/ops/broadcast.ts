/** Repeating along axes and summing over them: each is the other's gradient. */
import { at, sameDim, sameShape, type Shape, shapeText } from "../dims.ts";
import { first, type Op, type Value } from "../graph.ts";
import { reshape } from "./shape.ts";

/** Repeat along axes of size 1 to reach `shape` (same rank). */
export const expand = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : x.graph.apply(expandOp, [x], { shape });

/** Sum over `axes`, which disappear. */
export const sum = (x: Value, axes: readonly number[]): Value =>
  x.graph.apply(sumOp, [x], { axes: normalise(axes, x.shape) });

/** Sum over the last axis, kept with size 1. */
export const sumLast = (x: Value): Value => {
  const last = x.shape.length - 1;
  return reshape(sum(x, [last]), [...x.shape.slice(0, last), 1]);
};

/** Sum a cotangent over the axes that broadcasting added or stretched. */
export function sumTo(value: Value, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value;
  const added = value.shape.length - shape.length;
  const axes = value.shape.flatMap((dim, i) => (i < added || !sameDim(at(shape, i - added), dim) ? [i] : []));
  return reshape(sum(value, axes), shape);
}

const normalise = (axes: readonly number[], shape: Shape): number[] =>
  axes.map((axis) => (axis < 0 ? axis + shape.length : axis));

const expandOp: Op<{ readonly shape: Shape }> = {
  name: "expand",
  outputs: (inputs, { shape }) => {
    const x = first(inputs);
    if (x.shape.length !== shape.length || x.shape.some((dim, i) => dim !== 1 && !sameDim(dim, at(shape, i)))) {
      throw new Error(`does not expand to ${shapeText(shape)}`);
    }
    return [{ shape, dtype: x.dtype }];
  },
  gradient: (node, [dy]) => (dy ? [sumTo(dy, first(node.inputs).shape)] : []),
  onnx: (emitter, { attributes }, inputs, outputs) =>
    void emitter.op("Expand", [first(inputs), emitter.shape(attributes.shape)], { outputs }),
};

const sumOp: Op<{ readonly axes: readonly number[] }> = {
  name: "sum",
  outputs: (inputs, { axes }) => [{ shape: first(inputs).shape.filter((_, i) => !axes.includes(i)), dtype: "float32" }],
  gradient: (node, [dy]) => {
    const { shape } = first(node.inputs);
    const kept = shape.map((dim, i) => (node.attributes.axes.includes(i) ? 1 : dim));
    return dy ? [expand(reshape(dy, kept), shape)] : [];
  },
  onnx: (emitter, { attributes: { axes } }, inputs, outputs) =>
    void emitter.op("ReduceSum", [first(inputs), emitter.ints(axes)], { outputs, attributes: { keepdims: 0 } }),
};
