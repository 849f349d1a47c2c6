/** When two measured numbers, percentages, ratios or numbers of another base are the same. */
import { within, type Node } from "../notation/node.ts";
import { NoRealValue, toReal, valueOf } from "../values/constant.ts";
import { unitRatio } from "../values/units.ts";
import { sameExpression } from "./expressions.ts";
import { sameReals } from "./numbers.ts";
import type { Comparison } from "./relations.ts";

export function sameQuantity(x: Node, y: Node, { sameItem }: Comparison): boolean {
  const [own, other] = [x.kind === "quantity" ? x.value : x, y.kind === "quantity" ? y.value : y];
  const [a, b] = [x, y].map((node) => ({ unit: node.kind === "quantity" ? node.unit : "" })) as [
    { unit: string },
    { unit: string },
  ];
  if ((x.kind === "percent" || y.kind === "percent") && a.unit !== b.unit) return false;
  if (a.unit === "" || b.unit === "")
    return sameItem(own, other) || inRadians(x, y, sameItem) || inRadians(y, x, sameItem);
  // What is counted may be named in many ways; morning and evening may not.
  if (counted(a.unit) && counted(b.unit) && half(a.unit) !== half(b.unit)) return false;
  // Apples are no centimetres.
  if (counted(a.unit) !== counted(b.unit))
    return [a.unit, b.unit].some((unit) => unit === "unit") && sameItem(own, other);
  if (counted(a.unit)) return sameItem(own, other);
  if (a.unit === b.unit) return sameItem(own, other);
  const ratio = unitRatio(a.unit, b.unit);
  if (ratio === null) return false;
  try {
    return sameReals(
      toReal(valueOf(own)).times(ratio),
      toReal(valueOf(other)),
      { rounded: true, digits: null },
      { rounded: true, digits: null },
    );
  } catch (error) {
    if (error instanceof NoRealValue) return false;
    throw error;
  }
}

const counted = (unit: string): boolean => unit.startsWith("counted ");

/** "a" or "p" of a.m. and p.m.; null for other words. */
const half = (unit: string): string | null => /^counted ([ap])m$/.exec(unit)?.[1] ?? null;

/** 90° beside π/2. */
function inRadians(x: Node, y: Node, sameItem: Comparison["sameItem"]): boolean {
  if (
    x.kind !== "quantity" ||
    x.unit !== "°" ||
    ![...within(y)].some((node) => node.kind === "constant" && node.name === "pi")
  )
    return false;
  const turned: Node = {
    kind: "quotient",
    over: { kind: "product", items: [x.value, { kind: "constant", name: "pi" }] },
    under: { kind: "number", value: { n: 180n, d: 1n }, digits: null },
  };
  return sameItem(turned, y.kind === "quantity" ? y.value : y);
}

const withoutSign = (node: Node): Node => (node.kind === "percent" ? node.value : node);

/** 28 % is 28 % and 0.28; beside a bare 28 the question asked for the percentage. */
export function samePercent(x: Node, y: Node, { sameItem }: Comparison): boolean {
  if (sameItem(withoutSign(x), withoutSign(y))) return true;
  return x.kind !== y.kind && sameExpression(x, y);
}

export function sameBased(x: Node, y: Node): boolean {
  if (x.kind === "based" && y.kind === "based")
    return x.base === y.base ? x.digits.replace(/^0+/, "") === y.digits.replace(/^0+/, "") : false;
  const [based, other] = x.kind === "based" ? [x, y] : [y, x];
  return (
    based.kind === "based" &&
    other.kind === "number" &&
    other.digits === null &&
    other.value.d === 1n &&
    other.value.n.toString() === based.digits
  );
}

export function sameRatio(x: Node, y: Node, { sameItem, sameSequence }: Comparison): boolean {
  if (x.kind !== "ratio" || y.kind !== "ratio") {
    const [ratio, other] = x.kind === "ratio" ? [x, y] : [y, x];
    return (
      ratio.kind === "ratio" &&
      ratio.items.length === 2 &&
      sameItem({ kind: "quotient", over: ratio.items[0]!, under: ratio.items[1]! }, other)
    );
  }
  if (x.items.length !== y.items.length) return false;
  if (x.items.some(isPlain) || y.items.some(isPlain)) return sameSequence(x.items, y.items);
  // a : b : c is known by its quotients with the first.
  return x.items
    .slice(1)
    .every((item, index) =>
      sameExpression(
        { kind: "quotient", over: item, under: x.items[0]! },
        { kind: "quotient", over: y.items[index + 1]!, under: y.items[0]! },
      ),
    );
}

/** A time of day, and what has no quotients. */
const isPlain = (item: Node): boolean => item.kind === "quantity" || (item.kind === "number" && item.value.n === 0n);
