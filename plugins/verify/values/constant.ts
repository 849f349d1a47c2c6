/** The value of an expression without unknowns: an exact fraction where it is one, else 50 digits. */
import { Decimal } from "decimal.js";
import { UnreadableError, type Node } from "../notation/node.ts";
import { add, equal, multiply, negate, power, rational, root, type Rational } from "./rational.ts";

const Real = Decimal.clone({ precision: 50, toExpNeg: -1e6, toExpPos: 1e6 });
/** Larger arguments of periodic functions and exponents are not computed. */
const largestArgument = 1e9;
const largestFactorial = 3000n;

export type Value = { readonly exact: Rational } | { readonly real: Decimal };

/** There is no real value, or none that is computed here. */
export class NoRealValue extends Error {}

/** @throws NoRealValue for unknowns, numbers that are not real, and what is too large */
export function valueOf(node: Node): Value {
  const known = values.get(node);
  if (known !== undefined) {
    if (known instanceof NoRealValue) throw known;
    return known;
  }
  try {
    const value = compute(node);
    values.set(node, value);
    return value;
  } catch (error) {
    if (error instanceof NoRealValue) values.set(node, error);
    throw error;
  }
}

/** The same answer is compared with many others. */
const values = new WeakMap<Node, Value | NoRealValue>();

function compute(node: Node): Value {
  switch (node.kind) {
    case "number":
      return { exact: node.value };
    case "based":
      return { exact: rational(basedValue(node.digits, Number(node.base)))! };
    case "constant":
      if (node.name === "pi") return { real: pi };
      if (node.name === "e") return { real: euler };
      throw new NoRealValue(node.name);
    case "sum":
      return node.items.map(valueOf).reduce((a, b) => exactly(a, b, add) ?? finite(toReal(a).plus(toReal(b))));
    case "product":
      return node.items.map(valueOf).reduce((a, b) => exactly(a, b, multiply) ?? finite(toReal(a).times(toReal(b))));
    case "quotient": {
      const [over, under] = [valueOf(node.over), valueOf(node.under)];
      if ("exact" in over && "exact" in under) {
        const inverse = rational(under.exact.d, under.exact.n);
        if (inverse === null) throw new NoRealValue("division by 0");
        return { exact: multiply(over.exact, inverse) };
      }
      return finite(toReal(over).div(toReal(under)));
    }
    case "power":
      return powerOf(valueOf(node.base), valueOf(node.exponent));
    case "call":
      return callOf(node.name, node.args);
    case "percent":
      return valueOf({
        kind: "quotient",
        over: node.value,
        under: { kind: "number", value: { n: 100n, d: 1n }, digits: null },
      });
    default:
      throw new NoRealValue(node.kind);
  }
}

/** Null where a number is not exact, or larger than is worth keeping so. */
function exactly(a: Value, b: Value, operation: (x: Rational, y: Rational) => Rational): Value | null {
  return "exact" in a && "exact" in b && isSmall(a.exact) && isSmall(b.exact)
    ? { exact: operation(a.exact, b.exact) }
    : null;
}

const bound = 1n << 4000n;
const isSmall = ({ n, d }: Rational): boolean => d < bound && n < bound && -n < bound;

export const toReal = (value: Value): Decimal =>
  "real" in value ? value.real : new Real(value.exact.n.toString()).div(new Real(value.exact.d.toString()));

const pi = Real.acos(-1);
const euler = Real.exp(1);

function finite(real: Decimal): Value {
  if (!real.isFinite()) throw new NoRealValue("not finite");
  return { real };
}

function powerOf(base: Value, exponent: Value): Value {
  if ("exact" in exponent) {
    const { n, d } = exponent.exact;
    if ("exact" in base) {
      const taken = d === 1n ? base.exact : base.exact.n < 0n ? null : root(base.exact, d);
      const exact = taken === null ? null : power(taken, n);
      if (exact !== null) return { exact };
      if (base.exact.n === 0n) throw new NoRealValue("0 to a negative power");
    }
    const real = toReal(base);
    if (real.isNegative() && d !== 1n) throw new NoRealValue("a root of a negative number");
    if (d === 1n && (n > 10n ** 15n || n < -(10n ** 15n))) throw new NoRealValue("a huge exponent");
    if (d === 2n && n === 1n) return finite(real.sqrt());
  }
  const [real, by] = [toReal(base), toReal(exponent)];
  if (by.abs().greaterThan(largestArgument) || real.abs().greaterThan("1e100000"))
    throw new NoRealValue("a huge power");
  return finite(Real.pow(real, by));
}

function callOf(name: string, args: readonly Node[]): Value {
  if (name === "determinant") throw new NoRealValue("determinant");
  const values = args.map(valueOf);
  const [first, second] = values as [Value, Value?];
  if (name === "abs")
    return "exact" in first
      ? { exact: first.exact.n < 0n ? negate(first.exact) : first.exact }
      : { real: first.real.abs() };
  if ((name === "floor" || name === "ceil") && toReal(first).abs().greaterThan("1e60")) throw new NoRealValue(name);
  if (name === "floor" || name === "ceil")
    return {
      exact: rational(BigInt(name === "floor" ? toReal(first).floor().toFixed(0) : toReal(first).ceil().toFixed(0)))!,
    };
  if (name === "factorial") return { exact: rational(factorial(wholeOf(first)))! };
  if (name === "binomial" && second !== undefined)
    return { exact: rational(binomial(wholeOf(first), wholeOf(second)))! };
  if (name === "gcd" || name === "lcm")
    return { exact: rational(values.map(wholeOf).reduce(name === "gcd" ? gcd : (a, b) => (a * b) / gcd(a, b)))! };
  if (name === "max" || name === "min")
    return values.reduce((a, b) => (toReal(a).lessThan(toReal(b)) === (name === "max") ? b : a));
  if (name === "log") {
    const [of, base] = [toReal(first), second === undefined ? null : toReal(second)];
    if (!of.isPositive() || of.isZero() || (base !== null && (!base.isPositive() || base.isZero() || base.equals(1))))
      throw new NoRealValue("logarithm");
    if (base === null) return finite(of.ln());
    const exact = "exact" in first && "exact" in second! ? exactLogarithm(first.exact, second.exact) : null;
    return exact === null ? finite(of.ln().div(base.ln())) : { exact };
  }
  const formula = formulas[name];
  const x = toReal(first);
  if (formula === undefined || x.abs().greaterThan(largestArgument)) throw new NoRealValue(name);
  return finite(formula(x));
}

/** log_base(of) where it is a fraction p/q of small whole numbers: base^p = of^q; else null. */
function exactLogarithm(of: Rational, base: Rational): Rational | null {
  const estimate = Math.log(toNumber(of)) / Math.log(toNumber(base));
  for (let q = 1; q <= 6; q++) {
    const p = Math.round(estimate * q);
    if (!(Math.abs(p) <= 400) || Math.abs(estimate * q - p) > 1e-6) continue;
    const [up, down] = [power(base, BigInt(p)), power(of, BigInt(q))];
    if (up !== null && down !== null && equal(up, down)) return rational(BigInt(p), BigInt(q));
  }
  return null;
}

const toNumber = ({ n, d }: Rational): number => Number(n) / Number(d);

const formulas: Readonly<Record<string, (x: Decimal) => Decimal>> = {
  sin: (x) => Real.sin(x),
  cos: (x) => Real.cos(x),
  tan: (x) => Real.tan(x),
  cot: (x) => Real.cos(x).div(Real.sin(x)),
  sec: (x) => Real.div(1, Real.cos(x)),
  csc: (x) => Real.div(1, Real.sin(x)),
  arcsin: (x) => Real.asin(x),
  arccos: (x) => Real.acos(x),
  arctan: (x) => Real.atan(x),
  sinh: (x) => hyperbolic(x, "sinh"),
  cosh: (x) => hyperbolic(x, "cosh"),
  tanh: (x) => Real.tanh(x),
  sgn: (x) => new Real(Math.sign(x.toNumber())),
};

function hyperbolic(x: Decimal, name: "sinh" | "cosh"): Decimal {
  if (x.abs().greaterThan(10_000)) throw new NoRealValue(name);
  return Real[name](x);
}

function wholeOf(value: Value): bigint {
  if (!("exact" in value) || value.exact.d !== 1n) throw new NoRealValue("a whole number is needed");
  return value.exact.n;
}

function factorial(n: bigint): bigint {
  if (n < 0n || n > largestFactorial) throw new NoRealValue("factorial");
  let product = 1n;
  for (let k = 2n; k <= n; k++) product *= k;
  return product;
}

function binomial(n: bigint, k: bigint): bigint {
  if (n < 0n || k < 0n || n > largestFactorial) throw new NoRealValue("binomial");
  return k > n ? 0n : factorial(n) / (factorial(k) * factorial(n - k));
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}

/** Digits in a base from 2 to 36. @throws UnreadableError for a digit that the base does not have */
function basedValue(digits: string, base: number): bigint {
  if (!(base >= 2 && base <= 36)) throw new NoRealValue("base");
  let value = 0n;
  for (const digit of digits.toLowerCase()) {
    const number = Number.parseInt(digit, 36);
    if (!(number < base)) throw new UnreadableError(`${digits} has a digit that base ${base} does not have`);
    value = value * BigInt(base) + BigInt(number);
  }
  return value;
}
