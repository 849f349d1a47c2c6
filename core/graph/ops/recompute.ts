/** Trading time for memory: intermediate values that are computed again for the gradient instead of being kept (arXiv:1604.06174). */
import { gradient } from "../gradient.ts";
import { inputOp, type Value } from "../graph.ts";
import { mul, withGradient } from "./elementwise.ts";

/**
 * f(x), of which only x and the result are kept for the gradient.
 * @param one a value [1] that is fed as 1 when the graph runs: multiplied with it, the second computation is not the first one again to a compiler
 */
export function recomputed(x: Value, one: Value, f: (x: Value) => Value): Value {
  const y = f(x);
  const inputs = floatInputs(y, x);
  return withGradient(y, [x, ...inputs], (dy) => {
    const again = mul(x, one);
    return gradient([{ value: f(again), cotangent: dy }], [again, ...inputs]);
  });
}

/** The graph's inputs that `y` depends on other than through `x`. */
function floatInputs(y: Value, x: Value): Value[] {
  const [seen, found] = [new Set([x.node]), new Set<Value>()];
  const pending = [y];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (seen.has(value.node)) continue;
    seen.add(value.node);
    if (value.node.op.name === inputOp.name && value.dtype === "float32") found.add(value);
    pending.push(...value.node.inputs);
  }
  return [...found];
}
