/** Reductions and softmax. */
import { sumLast } from "./broadcast.ts";
import { at } from "../dims.ts";
import { type Op, type Value, first } from "../graph.ts";
import { mul, sub } from "./elementwise.ts";

/** Largest entry along the last axis, kept with size 1; no gradient. */
export const maxLast = (x: Value): Value => x.graph.apply(maxOp, [x], {});

/** Softmax over the last axis. */
export const softmax = (x: Value): Value => x.graph.apply(softmaxOp, [x], {});

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
