/**
 * The value of an expression at a point, in complex double precision: for unknowns, and for numbers that are not real.
 */
import type { Node } from "../notation/node.ts";

export type Complex = readonly [re: number, im: number];

const mul = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c];
function div([a, b]: Complex, [c, d]: Complex): Complex {
  const size = c * c + d * d;
  return [(a * c + b * d) / size, (b * c - a * d) / size];
}
const log = ([a, b]: Complex): Complex => [Math.log(Math.hypot(a, b)), Math.atan2(b, a)];
const exp = ([a, b]: Complex): Complex => [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)];
const sub = ([a, b]: Complex, [c, d]: Complex): Complex => [a - c, b - d];
const plus = ([a, b]: Complex, [c, d]: Complex): Complex => [a + c, b + d];
const one: Complex = [1, 0];
const sin = ([a, b]: Complex): Complex => [Math.sin(a) * Math.cosh(b), Math.cos(a) * Math.sinh(b)];
const cos = ([a, b]: Complex): Complex => [Math.cos(a) * Math.cosh(b), -Math.sin(a) * Math.sinh(b)];
const sqrt = (z: Complex): Complex => (z[0] === 0 && z[1] === 0 ? z : exp(mul([0.5, 0], log(z))));

function pow(base: Complex, exponent: Complex): Complex {
  if (base[0] === 0 && base[1] === 0)
    return exponent[0] > 0 ? [0, 0] : exponent[0] === 0 && exponent[1] === 0 ? one : [NaN, NaN];
  if (exponent[1] === 0 && Number.isInteger(exponent[0]) && Math.abs(exponent[0]) <= 64) {
    let product = one;
    for (let k = 0; k < Math.abs(exponent[0]); k++) product = mul(product, base);
    return exponent[0] < 0 ? div(one, product) : product;
  }
  return exp(mul(exponent, log(base)));
}

const i: Complex = [0, 1];
const functions: Readonly<Record<string, (z: Complex, base?: Complex) => Complex>> = {
  sin,
  cos,
  tan: (z) => div(sin(z), cos(z)),
  cot: (z) => div(cos(z), sin(z)),
  sec: (z) => div(one, cos(z)),
  csc: (z) => div(one, sin(z)),
  sinh: (z) => mul([0.5, 0], sub(exp(z), exp([-z[0], -z[1]]))),
  cosh: (z) => mul([0.5, 0], plus(exp(z), exp([-z[0], -z[1]]))),
  tanh: (z) => div(sub(exp(z), exp([-z[0], -z[1]])), plus(exp(z), exp([-z[0], -z[1]]))),
  arcsin: (z) => mul([0, -1], log(plus(mul(i, z), sqrt(sub(one, mul(z, z)))))),
  arccos: (z) => sub([Math.PI / 2, 0], mul([0, -1], log(plus(mul(i, z), sqrt(sub(one, mul(z, z))))))),
  arctan: (z) => mul([0, 0.5], sub(log(sub(one, mul(i, z))), log(plus(one, mul(i, z))))),
  log: (z, base) => (base === undefined ? log(z) : div(log(z), log(base))),
  abs: (z) => [Math.hypot(z[0], z[1]), 0],
  floor: (z) => [Math.floor(z[0]), 0],
  ceil: (z) => [Math.ceil(z[0]), 0],
  sgn: (z) => [Math.sign(z[0]), 0],
  Re: (z) => [z[0], 0],
  Im: (z) => [z[1], 0],
};

/** NaN where there is no value or none that is computed here. */
export function complexOf(node: Node, at: ReadonlyMap<string, Complex>): Complex {
  const of = (inner: Node): Complex => complexOf(inner, at);
  switch (node.kind) {
    case "number":
      return [toNumber(node.value.n, node.value.d), 0];
    case "constant":
      return node.name === "pi" ? [Math.PI, 0] : node.name === "e" ? [Math.E, 0] : node.name === "i" ? i : [NaN, NaN];
    case "symbol":
      return at.get(node.name) ?? [NaN, NaN];
    case "sum":
      return node.items.map(of).reduce(plus);
    case "product":
      return node.items.map(of).reduce(mul);
    case "quotient":
      return div(of(node.over), of(node.under));
    case "power":
      return pow(of(node.base), of(node.exponent));
    case "percent":
      return div(of(node.value), [100, 0]);
    case "call": {
      const compute = functions[node.name];
      const [first, second] = node.args.map(of);
      return compute === undefined || first === undefined ? [NaN, NaN] : compute(first, second);
    }
    default:
      return [NaN, NaN];
  }
}

function toNumber(n: bigint, d: bigint): number {
  const [over, under] = [Number(n), Number(d)];
  if (Number.isFinite(over) && Number.isFinite(under)) return over / under;
  return NaN;
}
