/**
 * When two expressions have the same value: numbers exactly or to 50 digits, formulas with unknowns at several points.
 */
import { within, type Node } from "../notation/node.ts";
import { complexOf, type Complex } from "../values/complex.ts";
import { NoRealValue, valueOf } from "../values/constant.ts";
import { sameValues } from "./numbers.ts";

/** Expressions: exactly, or to 50 digits; with unknowns at several points. */
export function sameExpression(x: Node, y: Node): boolean {
  const names = unknowns(x, y);
  if (names.length === 0) {
    try {
      return sameValues(valueOf(x), valueOf(y), x, y);
    } catch (error) {
      if (!(error instanceof NoRealValue)) throw error;
    }
  }
  return sameAtPoints(x, y, names) ?? shape(x) === shape(y);
}

const rounds = 7;
/** Points of both signs that no formula has in mind. */
function point(names: readonly string[], round: number): ReadonlyMap<string, Complex> {
  return new Map(
    names.map((name, index) => {
      const part = ((round * 7 + index + 1) * 0.6180339887498949) % 1;
      const size = 0.3 + 1.9 * part;
      return [name, [round % 3 === 2 ? -size : size, 0] as const];
    }),
  );
}

export function unknowns(...nodes: readonly Node[]): string[] {
  const names = new Set<string>();
  for (const node of nodes) for (const inner of within(node)) if (inner.kind === "symbol") names.add(inner.name);
  return [...names].sort();
}

/** Null where too few points have values. */
function sameAtPoints(x: Node, y: Node, names: readonly string[]): boolean | null {
  let points = 0;
  for (let round = 0; round < (names.length === 0 ? 1 : rounds); round++) {
    const at = point(names, round);
    const [[a, b], [c, d]] = [complexOf(x, at), complexOf(y, at)];
    if (!Number.isFinite(a + b) || !Number.isFinite(c + d)) continue;
    // Roots of negative numbers have several values: what is written alike need not be meant alike.
    if (round % 3 === 2 && (Math.abs(b) > 1e-12 || Math.abs(d) > 1e-12)) continue;
    if (Math.hypot(a - c, b - d) > 1e-9 * Math.max(1e-3, Math.hypot(a, b))) return false;
    points++;
  }
  return points >= (names.length === 0 ? 1 : 3) ? true : null;
}

/** Written alike. */
const shape = (node: Node): string =>
  JSON.stringify(node, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));

/** f / g where it is the same real number at every point; null where it is not, or nothing is unknown. */
export function constantRatio(f: Node, g: Node): number | null {
  const names = unknowns(f, g);
  if (names.length === 0) return null;
  let found: number | null = null;
  let points = 0;
  for (let round = 0; round < rounds; round++) {
    const at = point(names, round);
    const [[re, im], [c, d]] = [complexOf(f, at), complexOf(g, at)];
    const size = c * c + d * d;
    if (!Number.isFinite(re + im + c + d) || size < 1e-18) continue;
    const [ratio, rest] = [(re * c + im * d) / size, (im * c - re * d) / size];
    if (Math.abs(rest) > 1e-9 * Math.max(1, Math.abs(ratio)) || Math.abs(ratio) < 1e-12) return null;
    if (found !== null && Math.abs(ratio - found) > 1e-8 * Math.abs(found)) return null;
    found = ratio;
    points++;
  }
  return points < 3 ? null : found;
}

/** Values at three points, of a constant at one; null where an expression has none. */
export function valuesAtPoints(node: Node): number[] | null {
  const names = unknowns(node);
  const points = Array.from({ length: names.length === 0 ? 1 : 3 }, (_, round) => point(names, round));
  const values = points.flatMap((at) => [...complexOf(node, at)]);
  return values.every(Number.isFinite) ? values : null;
}
