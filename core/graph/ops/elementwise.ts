/** Elementwise ops, with numpy broadcasting where they take two inputs. */
import { sumTo } from "./broadcast.ts";
import { type Dim, sameDim, type Shape } from "../dims.ts";
import { type Attributes, type Graph, type Op, type Value, first } from "../graph.ts";

export const add = (a: Value, b: Value): Value => a.graph.apply(addOp, [a, b], {});
export const sub = (a: Value, b: Value): Value => a.graph.apply(subOp, [a, b], {});
export const mul = (a: Value, b: Value): Value => a.graph.apply(mulOp, [a, b], {});
export const div = (a: Value, b: Value): Value => a.graph.apply(divOp, [a, b], {});
export const neg = (x: Value): Value => x.graph.apply(negOp, [x], {});
export const exp = (x: Value): Value => x.graph.apply(expOp, [x], {});
export const log = (x: Value): Value => x.graph.apply(logOp, [x], {});
export const sqrt = (x: Value): Value => x.graph.apply(sqrtOp, [x], {});
export const sigmoid = (x: Value): Value => x.graph.apply(sigmoidOp, [x], {});
export const erf = (x: Value): Value => x.graph.apply(erfOp, [x], {});
/** x · factor + offset, both plain numbers. */
export const affine = (x: Value, factor: number, offset = 0): Value => x.graph.apply(affineOp, [x], { factor, offset });
/** A number as a value of shape []. */
export const scalar = (graph: Graph, value: number): Value => graph.apply(scalarOp, [], { value });

/**
 * `y` with a gradient rule of its own: `rule` gives the cotangents of `inputs` from that of `y`.
 * For rules that need fewer or smaller arrays than the chain rule through y's parts.
 */
export const withGradient = (y: Value, inputs: readonly Value[], rule: (cotangent: Value) => readonly Value[]): Value =>
  y.graph.apply(withGradientOp, [y, ...inputs], { rule });

/** The same where the rule is only cheaper than the chain rule through the parts of y. */
export const withShortGradient: typeof withGradient = (y, inputs, rule) =>
  y.graph.passes.compositeGradients ? withGradient(y, inputs, rule) : y;

/** x · sigmoid(x). */
export function silu(x: Value): Value {
  const s = sigmoid(x);
  const y = mul(x, s);
  return withShortGradient(y, [x], (dy) => [mul(dy, add(s, sub(y, mul(y, s))))]);
}

/** x · Φ(x), with the exact error function. */
export function gelu(x: Value): Value {
  const cdf = affine(erf(affine(x, Math.SQRT1_2)), 0.5, 0.5);
  const density = (): Value => affine(exp(affine(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return withShortGradient(mul(x, cdf), [x], (dy) => [mul(dy, add(cdf, mul(x, density())))]);
}

/** x · σ(1.702 x): the "quick" approximation of gelu (arXiv:1606.08415, section 2). */
export const quickGelu = (x: Value): Value => gated(x, affine(x, quick), () => scalar(x.graph, quick));

/**
 * x · ½ (1 + tanh u) with u = √(2/π) (x + 0.044715 x³): gelu's approximation by tanh (arXiv:1606.08415, section 2), as
 * x · σ(2u).
 */
export function geluTanh(x: Value): Value {
  const square = mul(x, x);
  return gated(x, mul(x, affine(square, 0.044715 * twice, twice)), () => affine(square, 3 * 0.044715 * twice, twice));
}

const quick = 1.702;
const twice = 2 * Math.sqrt(2 / Math.PI);

/** x · σ(u) for a u of x, with the slope of u. */
function gated(x: Value, u: Value, slope: () => Value): Value {
  const s = sigmoid(u);
  const y = mul(x, s);
  return withShortGradient(y, [x], (dy) => [mul(dy, add(s, mul(sub(y, mul(y, s)), slope())))]);
}

function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const axis = (shape: Shape, i: number): Dim => shape[i - rank + shape.length] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [axis(a, i), axis(b, i)];
    if (x === 1) return y;
    if (y === 1 || sameDim(x, y)) return x;
    throw new Error(`axis ${i} does not broadcast`);
  });
}

const floats = (inputs: readonly Value[]): void => {
  for (const input of inputs) if (input.dtype !== "float32") throw new Error(`needs float32, got ${input.dtype}`);
};

type Rule = (cotangent: Value, inputs: readonly Value[], output: Value) => readonly Value[];

function elementwise(name: string, onnx: string, rule: Rule): Op {
  return {
    name,
    outputs: (inputs) => {
      floats(inputs);
      return [{ shape: inputs.map((v) => v.shape).reduce(broadcast), dtype: "float32" }];
    },
    gradient: (node, [dy]) => (dy ? rule(dy, node.inputs, first(node.outputs)) : []),
    onnx: (emitter, _, inputs, outputs) => void emitter.op(onnx, inputs, { outputs }),
  };
}

const binary = (name: string, onnx: string, rule: (dy: Value, a: Value, b: Value) => readonly [Value, Value]): Op =>
  elementwise(name, onnx, (dy, [a, b]) => {
    if (!a || !b) throw new Error(`${name} takes two inputs`);
    const [da, db] = rule(dy, a, b);
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  });

const unary = (name: string, onnx: string, rule: (dy: Value, x: Value, y: Value) => Value): Op =>
  elementwise(name, onnx, (dy, inputs, y) => [rule(dy, first(inputs), y)]);

const addOp = binary("add", "Add", (dy) => [dy, dy]);
const subOp = binary("sub", "Sub", (dy) => [dy, neg(dy)]);
const mulOp = binary("mul", "Mul", (dy, a, b) => [mul(dy, b), mul(dy, a)]);
const divOp = binary("div", "Div", (dy, a, b) => [div(dy, b), neg(div(mul(dy, div(a, b)), b))]);
const negOp = unary("neg", "Neg", (dy) => neg(dy));
const expOp = unary("exp", "Exp", (dy, _, y) => mul(dy, y));
const logOp = unary("log", "Log", (dy, x) => mul(dy, exp(neg(log(x)))));
const sqrtOp = unary("sqrt", "Sqrt", (dy, _, y) => div(affine(dy, 0.5), y));
const sigmoidOp = unary("sigmoid", "Sigmoid", (dy, _, y) => mul(dy, sub(y, mul(y, y))));
const erfOp = unary("erf", "Erf", (dy, x) => mul(dy, affine(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))));

const affineOp: Op<{ readonly factor: number; readonly offset: number }> = {
  name: "affine",
  outputs: (inputs) => {
    floats(inputs);
    return [{ shape: first(inputs).shape, dtype: "float32" }];
  },
  gradient: (node, [dy]) => (dy ? [affine(dy, node.attributes.factor)] : []),
  onnx: (emitter, { attributes: { factor, offset } }, inputs, outputs) => {
    const name = first(inputs);
    if (offset === 0) return void emitter.op("Mul", [name, emitter.float(factor)], { outputs });
    const scaled = factor === 1 ? name : first(emitter.op("Mul", [name, emitter.float(factor)]));
    emitter.op("Add", [scaled, emitter.float(offset)], { outputs });
  },
};

const scalarOp: Op<{ readonly value: number }> = {
  name: "scalar",
  outputs: () => [{ shape: [], dtype: "float32" }],
  onnx: (emitter, { attributes }, _, outputs) =>
    void emitter.op("Identity", [emitter.float(attributes.value)], { outputs }),
};

interface GradientRule extends Attributes {
  readonly rule: (cotangent: Value) => readonly Value[];
}

const withGradientOp: Op<GradientRule> = {
  name: "withGradient",
  outputs: (inputs) => [{ shape: first(inputs).shape, dtype: first(inputs).dtype }],
  gradient: (node, [dy]) => (dy ? [undefined, ...node.attributes.rule(dy)] : []),
  onnx: (emitter, _, inputs, outputs) => emitter.alias(first(outputs), first(inputs)),
};
