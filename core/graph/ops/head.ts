/** From logits to what a loss needs of them. */
import { at, sameShape } from "../dims.ts";
import { type Op, type Value, first } from "../graph.ts";
import { add, log, mul, neg, sub, withGradient } from "./elementwise.ts";
import { maxLast, softmax } from "./reduce.ts";
import { sumLast } from "./broadcast.ts";
import { reshape } from "./shape.ts";

/** log softmax(logits)[row, target[row]]; logits [M, V], targets [M] int32 → [M]. */
export function tokenLogProb(logits: Value, targets: Value): Value {
  const column = reshape(targets, [at(targets.shape, 0), 1]);
  const chosen = pickColumn(logits, column);
  const p = softmax(logits);
  // log Σ exp(z − max) = −log max p: one pass over the vocabulary less than LogSoftmax, and as accurate.
  const value = add(sub(chosen, maxLast(logits)), log(maxLast(p)));
  const rule = (dy: Value): readonly Value[] => [addToColumn(mul(p, neg(dy)), column, dy)];
  return reshape(withGradient(value, [logits], rule), targets.shape);
}

/** Entropy of softmax(logits), nats; logits [M, V] → [M]. */
export function entropy(logits: Value): Value {
  const p = softmax(logits);
  const logP = add(sub(logits, maxLast(logits)), log(maxLast(p)));
  const value = neg(sumLast(mul(p, logP)));
  const rule = (dy: Value): readonly Value[] => [mul(mul(p, add(logP, value)), neg(dy))];
  return reshape(withGradient(value, [logits], rule), [at(logits.shape, 0)]);
}

const pickColumn = (x: Value, column: Value): Value => x.graph.apply(pickOp, [x, column], {});
const addToColumn = (x: Value, column: Value, value: Value): Value => x.graph.apply(addToOp, [x, column, value], {});

/** x [M, V], column [M, 1] → [M, 1]. */
const pickOp: Op = {
  name: "pickColumn",
  outputs: ([x, column]) => {
    if (x?.shape.length !== 2 || column?.dtype !== "int32") throw new Error("needs logits [M, V] and int32 targets");
    if (!sameShape(column.shape, [at(x.shape, 0), 1])) throw new Error("needs one target a row");
    return [{ shape: column.shape, dtype: "float32" }];
  },
  onnx: (emitter, _, inputs, outputs) =>
    void emitter.op("GatherElements", inputs, { outputs, attributes: { axis: 1 } }),
};

/** x [M, V] with value [M, 1] added at column [M, 1]. */
const addToOp: Op = {
  name: "addToColumn",
  outputs: (inputs) => [{ shape: first(inputs).shape, dtype: "float32" }],
  onnx: (emitter, _, inputs, outputs) =>
    void emitter.op("ScatterElements", inputs, { outputs, attributes: { axis: 1, reduction: "add" } }),
};
