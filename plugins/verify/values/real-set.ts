/** Sets of real numbers: intervals, points and what union, intersection and difference make of them. */
import { Decimal } from "decimal.js";
import { NoRealValue, toReal, valueOf } from "./constant.ts";
import type { Node, Relation } from "../notation/node.ts";

/** An end of an interval: a number, or −∞ and ∞. */
interface End {
  readonly at: Decimal;
  readonly closed: boolean;
}

interface Interval {
  readonly low: End;
  readonly high: End;
}

/** Disjoint intervals in order, none touching the next. */
export type RealSet = readonly Interval[];

const infinity = new Decimal(Infinity);
const all: RealSet = [{ low: { at: infinity.negated(), closed: false }, high: { at: infinity, closed: false } }];

/** The set that a node stands for; null when it stands for none. */
export function realSetOf(node: Node): RealSet | null {
  try {
    return read(node);
  } catch (error) {
    if (error instanceof NoRealValue) return null;
    throw error;
  }
}

function read(node: Node): RealSet | null {
  switch (node.kind) {
    case "tuple": {
      if (node.items.length !== 2) return null;
      const interval = between(endOf(node.items[0]!, node.open === "["), endOf(node.items[1]!, node.close === "]"));
      // (7, 6) is a point.
      return interval.length === 0 ? null : interval;
    }
    case "set":
      return union(node.items.map((item) => between(endOf(item, true), endOf(item, true))));
    case "symbol":
      return node.name === "\\mathbb R" ? all : null;
    case "list": {
      // Tuples side by side are points.
      if (node.items.some(({ kind }) => kind !== "relation")) return null;
      const parts = node.items.map(read);
      return parts.includes(null) ? null : union(parts as RealSet[]);
    }
    case "set operation": {
      const [a, b] = [read(node.items[0]), read(node.items[1])];
      if (a === null || b === null) return null;
      if (node.name === "union") return union([a, b]);
      return node.name === "intersection" ? intersection(a, b) : intersection(a, complement(b));
    }
    case "relation":
      return fromRelation(node.items, node.operators);
    default:
      return null;
  }
}

/** x > a, a < x ≤ b, x ∈ S, x ≠ a: for whatever stands in the place of x. */
function fromRelation(items: readonly Node[], operators: readonly Relation[]): RealSet | null {
  if (operators.length === 1 && operators[0] === "∈") return read(items[1]!);
  const unknown = items.findIndex((item) => !isConstant(item));
  if (unknown < 0 || items.filter((item) => !isConstant(item)).length > 1 || !isName(items[unknown]!)) return null;
  let set: RealSet = all;
  for (const [index, operator] of operators.entries()) {
    if (index !== unknown && index + 1 !== unknown) return null;
    const [value, sign] = index === unknown ? [items[index + 1]!, operator] : [items[index]!, flipped(operator)];
    const part = half(sign, value);
    if (part === null) return null;
    set = intersection(set, part);
  }
  return set;
}

/** A name of one unknown: x, f(x), AB; not 2x. */
const isName = (node: Node): boolean =>
  node.kind === "symbol" || (node.kind === "product" && node.items.every(({ kind }) => kind === "symbol"));

function isConstant(node: Node): boolean {
  try {
    endOf(node, true);
    return true;
  } catch (error) {
    if (error instanceof NoRealValue) return false;
    throw error;
  }
}

function half(sign: Relation, value: Node): RealSet | null {
  const end = (closed: boolean): End => endOf(value, closed);
  const [down, up] = [all[0]!.low, all[0]!.high];
  switch (sign) {
    case "<":
    case "≤":
      return between(down, end(sign === "≤"));
    case ">":
    case "≥":
      return between(end(sign === "≥"), up);
    case "≠":
      return complement(between(end(true), end(true)));
    default:
      return null;
  }
}

export const flipped = (relation: Relation): Relation =>
  (({ "<": ">", ">": "<", "≤": "≥", "≥": "≤" }) as Partial<Record<Relation, Relation>>)[relation] ?? relation;

function endOf(node: Node, closed: boolean): End {
  if (node.kind === "constant" && node.name === "infinity") return { at: infinity, closed: false };
  if (
    node.kind === "product" &&
    node.items.length === 2 &&
    node.items[1]!.kind === "constant" &&
    node.items[1]!.name === "infinity"
  )
    return { at: infinity.negated(), closed: false };
  return { at: toReal(valueOf(node.kind === "quantity" ? node.value : node)), closed };
}

const between = (low: End, high: End): RealSet =>
  low.at.lessThan(high.at) || (low.at.equals(high.at) && low.closed && high.closed) ? [{ low, high }] : [];

function union(sets: readonly RealSet[]): RealSet {
  const sorted = sets
    .flat()
    .sort((a, b) => a.low.at.comparedTo(b.low.at) || Number(b.low.closed) - Number(a.low.closed));
  const merged: Interval[] = [];
  for (const part of sorted) {
    const last = merged.at(-1);
    const touches =
      last !== undefined &&
      (part.low.at.lessThan(last.high.at) ||
        (part.low.at.equals(last.high.at) && (part.low.closed || last.high.closed)));
    if (!touches) merged.push(part);
    else merged[merged.length - 1] = { low: last.low, high: later(last.high, part.high) };
  }
  return merged;
}

const later = (a: End, b: End): End =>
  a.at.equals(b.at) ? { at: a.at, closed: a.closed || b.closed } : a.at.greaterThan(b.at) ? a : b;

function complement(set: RealSet): RealSet {
  const parts: Interval[] = [];
  let low = all[0]!.low;
  for (const part of set) {
    parts.push(...between(low, { at: part.low.at, closed: !part.low.closed && part.low.at.isFinite() }));
    low = { at: part.high.at, closed: !part.high.closed && part.high.at.isFinite() };
  }
  parts.push(...between(low, all[0]!.high));
  return parts;
}

const intersection = (a: RealSet, b: RealSet): RealSet => complement(union([complement(a), complement(b)]));

/** Whether two sets have the same ends; `same` says when two numbers are. */
export function sameSet(a: RealSet, b: RealSet, same: (x: Decimal, y: Decimal) => boolean): boolean {
  const end = (x: End, y: End): boolean =>
    x.closed === y.closed && (x.at.equals(y.at) || (x.at.isFinite() && y.at.isFinite() && same(x.at, y.at)));
  return (
    a.length === b.length && a.every((part, index) => end(part.low, b[index]!.low) && end(part.high, b[index]!.high))
  );
}
