/** When two equations or inequalities are the same, and what a chain a = b = c says. */
import type { Node } from "../notation/node.ts";
import { NoRealValue, toReal, valueOf } from "../values/constant.ts";
import { flipped } from "../values/real-set.ts";
import { constantRatio, unknowns } from "./expressions.ts";
import { isName } from "./names.ts";
import { decimals } from "./numbers.ts";

/** How the parts of an answer are compared. */
export interface Comparison {
  sameItem(a: Node, b: Node): boolean;
  sameSequence(a: readonly Node[], b: readonly Node[]): boolean;
  sameAsSets(a: Node, b: Node): boolean;
}

export type Chain = Node & { readonly kind: "relation" };

/** x = 6/2 = 3, and 3 = 3 without a name: more than one value, said to be the same. */
export function isChain(node: Node): node is Chain {
  if (node.kind !== "relation" || !node.operators.every((operator) => operator === "=" || operator === "≈"))
    return false;
  return node.items.length > 2
    ? isName(node.items[0]!) || unknowns(node).length === 0
    : unknowns(node).length === 0 && node.items.every(({ kind }) => kind !== "text");
}

/**
 * The values of a chain, with the name before them where there is one; none where two of them are not the same number:
 * 3 = 5 says nothing.
 */
export function chained({ items, operators }: Chain, { sameItem }: Comparison): readonly Node[] {
  const named = isName(items[0]!) && items.length > 2;
  const values = named ? items.slice(1) : items;
  // A step of a derivation may hold unknowns: f(x) = (x + 1)² = x² + 2x + 1.
  if (values.slice(1).some((value, index) => !sameItem(values[index]!, value) && !isRounded(values[index]!, value)))
    return [];
  return named
    ? values.map((value) => ({ kind: "relation", items: [items[0]!, value], operators: [operators[0]!] }))
    : values;
}

const plainValue = (node: Node): Node => (node.kind === "quantity" || node.kind === "percent" ? node.value : node);

/** Whether a decimal is another number, rounded to the places that it is written with: √2 = 1.414. */
function isRounded(a: Node, b: Node): boolean {
  const [x, y] = [plainValue(a), plainValue(b)];
  if (!decimals(x) && !decimals(y)) return false;
  try {
    const [own, other] = [toReal(valueOf(x)), toReal(valueOf(y))];
    return own.minus(other).abs().lessThanOrEqualTo(own.abs().times("0.005"));
  } catch (error) {
    if (error instanceof NoRealValue) return false;
    throw error;
  }
}

/** Another single unknown is another answer; f(x) and f(t) are the same function. */
export function headsAgree(a: Node, b: Node): boolean {
  if (a.kind === "symbol" && b.kind === "symbol") return a.name === b.name;
  if (a.kind === "product" && b.kind === "product" && a.items[0]!.kind === "symbol" && b.items[0]!.kind === "symbol")
    return a.items[0].name === b.items[0].name;
  return true;
}

export type RelationNode = Node & { readonly kind: "relation" };

export function sameRelation(a: RelationNode, b: RelationNode, by: Comparison): boolean {
  const { sameSequence, sameAsSets } = by;
  if (a.operators.length === 1 && b.operators.length === 1) return sameSimpleRelation(a, b, by);
  const set = sameAsSets(a, b) && headsAgree(unknownOf(a), unknownOf(b));
  if (set) return true;
  const turned: RelationNode = {
    ...b,
    items: [...b.items].reverse(),
    operators: [...b.operators].reverse().map(flipped),
  };
  if (a.operators.every((operator) => operator === "=")) return false;
  return [b, turned].some(
    ({ items, operators }) => operators.join() === a.operators.join() && sameSequence(a.items, items),
  );
}

const unknownOf = ({ items }: RelationNode): Node => items.find((item) => item.kind === "symbol") ?? items[0]!;

/** f ∘ 0 and g ∘ 0 are the same where f is a multiple of g, by a positive number or with the sign turned. */
function sameSimpleRelation(a: RelationNode, b: RelationNode, by: Comparison): boolean {
  const { sameItem, sameSequence, sameAsSets } = by;
  const [own, other] = [a.operators[0]!, b.operators[0]!];
  if (own === "∈" || other === "∈")
    return (
      own === other &&
      sameItem(a.items[0]!, b.items[0]!) &&
      (sameItem(a.items[1]!, b.items[1]!) || sameAsSets(a.items[1]!, b.items[1]!))
    );
  if (own === other && sameSequence(a.items, b.items)) return true;
  if ("≈≡~∥⊥≅".includes(own)) return own === other && sameSequence(a.items, [...b.items].reverse());
  const ratio = constantRatio(difference(a), difference(b));
  if (ratio === null) return false;
  const symmetric = own === "=" || own === "≠";
  return symmetric ? own === other : other === (ratio > 0 ? own : flipped(own));
}

const difference = ({ items }: RelationNode): Node => ({
  kind: "sum",
  items: [
    items[0]!,
    { kind: "product", items: [{ kind: "number", value: { n: -1n, d: 1n }, digits: null }, items[1]!] },
  ],
});
