/**
 * Trading time for memory: intermediate values that are computed again for the gradient instead of being kept
 * (arXiv:1604.06174).
 */
import { gradient } from "../gradient.ts";
import { inputOp, type Value } from "../graph.ts";
import { mul, withGradient } from "./elementwise.ts";

/**
 * f(x), of which only x, what f reads besides, and the result are kept for the gradient.
 * @param one a value [1] that is fed as 1 when the graph runs: multiplied with it, the second computation is not the
 * first one again to a compiler
 */
export function recomputed(x: Value, one: Value, f: (x: Value) => Value): Value {
  const recordedBefore = x.graph.nodes.length;
  const y = f(x);
  const inputs = floatsRead(y, x, recordedBefore);
  return withGradient(y, [x, ...inputs], (dy) => {
    dy.graph.cut();
    const again = mul(x, one);
    const cotangents = gradient([{ value: f(again), cotangent: dy }], [again, ...inputs]);
    dy.graph.cut();
    return cotangents;
  });
}

/**
 * One of many layers that are alike, f(x): a program of its own where an executor compiles whole ones.
 * @param one see `recomputed`; null: what is inside is kept
 */
export function layer(x: Value, one: Value | null, f: (x: Value) => Value): Value {
  x.graph.cut();
  return one === null ? f(x) : recomputed(x, one, f);
}

/**
 * What a function reads besides `x`: float values that were recorded before it, and inputs of the graph that it asked
 * for. Beyond them lies what others computed, other layers among it, whose gradient is theirs to trace.
 */
function floatsRead(y: Value, x: Value, recordedBefore: number): Value[] {
  const seen = new Set([x]);
  const found: Value[] = [];
  const pending = [y];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const isOwn = value.node.id >= recordedBefore && value.node.op.name !== inputOp.name;
    if (isOwn) pending.push(...value.node.inputs);
    else if (value.dtype === "float32") found.push(value);
  }
  return found;
}
