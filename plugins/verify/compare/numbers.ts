/** When two numbers are the same: exactly, or as far as a decimal fraction was written. */
import { Decimal } from "decimal.js";
import { within, type Node } from "../notation/node.ts";
import { toReal, type Value } from "../values/constant.ts";
import { equal } from "../values/rational.ts";

/** How a number was written. */
export interface Written {
  /** Whether a decimal fraction occurs in it. */
  readonly rounded: boolean;
  /** Significant digits of the decimal fraction that it is; null where it is more than that, or exact. */
  readonly digits: number | null;
}

export const decimals = (node: Node): boolean =>
  [...within(node)].some((inner) => inner.kind === "number" && inner.digits !== null);

function digitsOf(node: Node): number | null {
  if (node.kind === "number") return node.digits;
  return node.kind === "product" && node.items.length === 2 && node.items[1]!.kind === "number"
    ? node.items[1].digits
    : null;
}

/** Two values with the expressions that they are of. */
export function sameValues(a: Value, b: Value, x: Node, y: Node): boolean {
  if ("exact" in a && "exact" in b) {
    if (equal(a.exact, b.exact)) return true;
    if (!decimals(x) && !decimals(y)) return false;
  }
  return sameReals(
    toReal(a),
    toReal(b),
    { rounded: decimals(x), digits: digitsOf(x) },
    { rounded: decimals(y), digits: digitsOf(y) },
  );
}

/** A decimal fraction of so many digits is what a program printed: a float64 is known by 15 to 17. */
const printed = 15;
/** Exact numbers agree to 40 of 50 digits; what was computed in float64 to 12. */
const [exactly, noise] = [new Decimal("1e-40"), new Decimal("1e-12")];

/**
 * Exact numbers agree to 40 digits. A decimal fraction and an exact number agree to 6 significant digits, all of which
 * must have been written. Two decimal fractions must be equal; but one of 15 digits or more is what a program printed:
 * it is also the decimal that it is a float32 of (0.10000000149011612 is 0.1), or a float64 of but for rounding
 * (0.30000000000000004 is 0.3), and else a number like an exact one.
 */
export function sameReals(a: Decimal, b: Decimal, own: Written, other: Written): boolean {
  if (a.equals(b)) return true;
  const [distance, size] = [a.minus(b).abs(), Decimal.max(a.abs(), b.abs())];
  // Exponents of ten say most of it.
  if (size.e - distance.e < 4) return false;
  const bothWritten = own.digits !== null && other.digits !== null;
  if (!bothWritten && distance.lessThanOrEqualTo(size.times(exactly))) return true;
  if (!own.rounded && !other.rounded) return false;
  const [ownPrinted, otherPrinted] = [(own.digits ?? 0) >= printed, (other.digits ?? 0) >= printed];
  if (own.rounded && other.rounded) {
    if (!ownPrinted && !otherPrinted && own.digits !== null && other.digits !== null) return false;
    if (distance.lessThanOrEqualTo(size.times(noise))) return true;
    if (!ownPrinted && !otherPrinted) return false;
    if (
      (ownPrinted && shortestFloat32(a)?.equals(b) === true) ||
      (otherPrinted && shortestFloat32(b)?.equals(a) === true)
    )
      return true;
  }
  // What was rounded, and to how many digits: of two, the one that was written with fewer.
  const digits = [own, other].filter(({ rounded }) => rounded).map(({ digits: count }) => count ?? Infinity);
  if (Math.min(...digits) < 6) return false;
  // Half a unit of the sixth digit.
  return distance.lessThanOrEqualTo(new Decimal(`5e${size.e - 6}`));
}

/** The shortest decimal with the same float32, of a number that is one; null for others. */
function shortestFloat32(value: Decimal): Decimal | null {
  const number = value.toNumber();
  if (Math.fround(number) !== number || !Number.isFinite(number)) return null;
  for (let digits = 1; digits <= 9; digits++) {
    const short = number.toPrecision(digits);
    if (Math.fround(Number(short)) === number) return new Decimal(short);
  }
  return null;
}
