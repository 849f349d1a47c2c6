/** Reductions and softmax. */
import { at, type Shape } from "../dims.ts";
import { type Op, type Value, first } from "../graph.ts";
import { mul, sub } from "./elementwise.ts";
import { expand, reshape } from "./shape.ts";

/** Sum over `axes`, which disappear. */
export const sum = (x: Value, axes: readonly number[]): Value => x.graph.apply(sumOp, [x], { axes: normalise(axes, x.shape) });

/** Sum over the last axis, kept with size 1. */
export const sumLast = (x: Value): Value => {
  const last = x.shape.length - 1;
  return reshape(sum(x, [last]), [...x.shape.slice(0, last), 1]);
};

/** Largest entry along the last axis, kept with size 1; no gradient. */
export const maxLast = (x: Value): Value => x.graph.apply(maxOp, [x], {});

/** Softmax over the last axis. */
export const softmax = (x: Value): Value => x.graph.apply(softmaxOp, [x], {});

const normalise = (axes: readonly number[], shape: Shape): number[] => axes.map((axis) => (axis < 0 ? axis + shape.length : axis));

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

const maxOp: Op = {
  name: "max",
  outputs: (inputs) => {
    const { shape } = first(inputs);
    at(shape, -1);
    return [{ shape: [...shape.slice(0, -1), 1], dtype: "float32" }];
  },
  onnx: (emitter, _, inputs, outputs) =>
    void emitter.op("ReduceMax", [first(inputs), emitter.ints([-1])], { outputs, attributes: { keepdims: 1 } }),
};

const softmaxOp: Op = {
  name: "softmax",
  outputs: (inputs) => [{ shape: first(inputs).shape, dtype: "float32" }],
  gradient: (node, [dy]) => {
    if (!dy) return [];
    const y = first(node.outputs);
    const t = mul(dy, y);
    return [sub(t, mul(y, sumLast(t)))];
  },
  onnx: (emitter, _, inputs, outputs) => void emitter.op("Softmax", inputs, { outputs, attributes: { axis: -1 } }),
};
