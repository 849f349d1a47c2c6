/** When two answers are the same. */
import { complexOf, type Complex } from "../values/complex.ts";
import { NoRealValue, toReal, valueOf } from "../values/constant.ts";
import { decimals, sameReals, sameValues } from "./numbers.ts";
import { areWords } from "../notation/words.ts";
import { within, type Node, type Relation } from "../notation/node.ts";
import { flipped, realSetOf, sameSet } from "../values/real-set.ts";
import { simplifyMatrices } from "../values/matrix.ts";
import { unitRatio } from "../values/units.ts";

/** Whether an answer that was found is the expected one. */
export function sameAnswer(expected: Node, found: Node): boolean {
  const [a, b] = [simplifyMatrices(expected), simplifyMatrices(found)];
  return sameItem(a, b) || sameAsSets(a, b) || sameItems(a, b);
}

/** Several answers: in any order; a tuple's in its own. */
function sameItems(a: Node, b: Node): boolean {
  const [x, y] = [withoutHead(a), withoutHead(b)];
  const several = (node: Node): readonly Node[] | null => (node.kind === "list" || node.kind === "set" ? node.items : null);
  const [own, other] = [several(x), several(y)];
  if (own !== null && other !== null) return sameCollection(own, other);
  // One solution beside a set of one, and {a, b} without its backslashes beside (a, b).
  if (own !== null && other === null) return x.kind === "list" && y.kind === "tuple" ? sameSequence(own, y.items) : isOne(own, y);
  if (other !== null && own === null) return y.kind === "list" && x.kind === "tuple" ? sameSequence(x.items, other) : isOne(other, x);
  return false;
}

/** The same answer, given once or several times. */
const isOne = (items: readonly Node[], one: Node): boolean => items.length > 0 && items.length <= 60 && items.every((item) => sameItem(item, one));

const sameSequence = (a: readonly Node[], b: readonly Node[]): boolean => a.length === b.length && a.every((item, index) => sameItem(item, b[index]!));

/** Equal as sets of answers: each has its match, whichever way round, none left over. */
function sameCollection(a: readonly Node[], b: readonly Node[]): boolean {
  const [own, other] = [distinct(a), distinct(b)];
  if (own.length !== other.length || own.length > 60) return false;
  const left = [...other];
  return own.every((item) => {
    const at = left.findIndex((candidate) => sameItem(item, candidate));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

const distinct = (items: readonly Node[]): readonly Node[] => (items.length > 60 ? items : items.filter((item, index) => !items.slice(0, index).some((earlier) => sameItem(earlier, item))));

/** Sets of real numbers: intervals, unions, inequalities. */
function sameAsSets(a: Node, b: Node): boolean {
  if (a.kind === "tuple" && b.kind === "tuple") return false;
  const [own, other] = [realSetOf(a), realSetOf(b)];
  // One interval and a tuple are written alike; what is no tuple says which it is.
  return own !== null && other !== null && sameSet(own, other, (x, y) => sameReals(x, y, { rounded: decimals(a), digits: null }, { rounded: decimals(b), digits: null }));
}

function sameItem(a: Node, b: Node): boolean {
  if (a.kind === "relation" && b.kind === "relation" && sameRelation(a, b)) return true;
  if (a.kind === "relation" && b.kind === "relation" && !headsAgree(a.items[0]!, b.items[0]!)) return false;
  if (isChain(a) || isChain(b)) return (isChain(a) ? chained(a) : [a]).some((one) => (isChain(b) ? chained(b) : [b]).some((other) => sameItem(one, other)));
  const [x, y] = [withoutHead(pointOf(a, b)), withoutHead(pointOf(b, a))];
  if (x.kind === "relation" || y.kind === "relation") return (x !== a || y !== b) && x.kind === y.kind ? sameItem(x, y) : false;
  if (x.kind === "text" || y.kind === "text") return sameName(x, y);
  if (x.kind === "quantity" || y.kind === "quantity") return sameQuantity(x, y);
  if (x.kind === "percent" || y.kind === "percent") return samePercent(x, y);
  if (x.kind === "based" || y.kind === "based") return sameBased(x, y);
  if (x.kind === "ratio" || y.kind === "ratio") return sameRatio(x, y);
  if (x.kind === "tuple" && y.kind === "tuple") return x.open === y.open && x.close === y.close && sameSequence(x.items, y.items);
  if (x.kind === "set" && y.kind === "set") return sameCollection(x.items, y.items);
  if (x.kind === "list" || y.kind === "list" || x.kind === "set" || y.kind === "set") return x.kind === y.kind && "items" in x && "items" in y && sameCollection(x.items, y.items);
  if (x.kind === "matrix" || y.kind === "matrix") return sameMatrix(x, y);
  if (x.kind === "tuple" || y.kind === "tuple" || x.kind === "set operation" || y.kind === "set operation") return x.kind === y.kind && sameAsSets(x, y);
  return sameExpression(x, y);
}

/** "x = 5" is 5, "x ∈ S" is S; what stands left must be a name. */
function withoutHead(node: Node): Node {
  if (node.kind !== "relation" || !isName(node.items[0]!)) return node;
  const { items, operators } = node;
  if (operators[0] === "∈" && operators.length === 1) return items[1]!;
  if (!operators.every((operator) => operator === "=" || operator === "≈")) return node;
  return items.at(-1)!;
}

type Chain = Node & { readonly kind: "relation" };

/** x = 6/2 = 3, and 3 = 3 without a name: more than one value, said to be the same. */
function isChain(node: Node): node is Chain {
  if (node.kind !== "relation" || !node.operators.every((operator) => operator === "=" || operator === "≈")) return false;
  return node.items.length > 2 ? isName(node.items[0]!) || unknowns(node).length === 0 : unknowns(node).length === 0 && node.items.every(({ kind }) => kind !== "text");
}

/** The values of a chain, with the name before them where there is one; none where two of them are not the same number: 3 = 5 says nothing. */
function chained({ items, operators }: Chain): readonly Node[] {
  const named = isName(items[0]!) && items.length > 2;
  const values = named ? items.slice(1) : items;
  // A step of a derivation may hold unknowns: f(x) = (x + 1)² = x² + 2x + 1.
  if (values.slice(1).some((value, index) => !sameItem(values[index]!, value) && !isRounded(values[index]!, value))) return [];
  return named ? values.map((value) => ({ kind: "relation", items: [items[0]!, value], operators: [operators[0]!] })) : values;
}

/** Whether a decimal is another number, rounded to the places that it is written with: √2 = 1.414. */
function isRounded(a: Node, b: Node): boolean {
  const plainValue = (node: Node): Node => (node.kind === "quantity" || node.kind === "percent" ? node.value : node);
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

/** A(1, 2) is the point (1, 2) where the other answer does not name it. */
function pointOf(node: Node, other: Node): Node {
  const named = (one: Node): boolean => one.kind === "product" && one.items.length === 2 && one.items[0]!.kind === "symbol" && /^[A-Z]/.test(one.items[0]!.name) && one.items[1]!.kind === "tuple";
  return named(node) && other.kind === "tuple" ? (node as Node & { kind: "product" }).items[1]! : node;
}

/** x, x₁, f(x), AB, |AB|, V₁ : V₂, NO/BO, (p, q). */
function isName(node: Node): boolean {
  switch (node.kind) {
    case "symbol": case "text": return true;
    case "constant": return node.name === "e" || node.name === "i";
    case "product": return node.items[0]!.kind !== "number" && node.items.every((item, index) => isName(item) || (index > 0 && (item.kind === "tuple" || item.kind === "number")));
    case "tuple": case "ratio": return node.items.every(isName);
    case "quotient": return isName(node.over) && isName(node.under);
    case "call": return node.name === "abs" && node.args.every(isName);
    case "quantity": return isName(node.value);
    default: return false;
  }
}

/** Another single unknown is another answer; f(x) and f(t) are the same function. */
function headsAgree(a: Node, b: Node): boolean {
  if (a.kind === "symbol" && b.kind === "symbol") return a.name === b.name;
  if (a.kind === "product" && b.kind === "product" && a.items[0]!.kind === "symbol" && b.items[0]!.kind === "symbol") return a.items[0].name === b.items[0].name;
  return true;
}

type RelationNode = Node & { readonly kind: "relation" };

function sameRelation(a: RelationNode, b: RelationNode): boolean {
  if (a.operators.length === 1 && b.operators.length === 1) return sameSimpleRelation(a, b);
  const set = sameAsSets(a, b) && headsAgree(unknownOf(a), unknownOf(b));
  if (set) return true;
  const turned: RelationNode = { ...b, items: [...b.items].reverse(), operators: [...b.operators].reverse().map(flipped) };
  if (a.operators.every((operator) => operator === "=")) return false;
  return [b, turned].some(({ items, operators }) => operators.join() === a.operators.join() && sameSequence(a.items, items));
}

const unknownOf = ({ items }: RelationNode): Node => items.find((item) => item.kind === "symbol") ?? items[0]!;

/** f ∘ 0 and g ∘ 0 are the same where f is a multiple of g, by a positive number or with the sign turned. */
function sameSimpleRelation(a: RelationNode, b: RelationNode): boolean {
  const [own, other] = [a.operators[0]!, b.operators[0]!];
  if (own === "∈" || other === "∈") return own === other && sameItem(a.items[0]!, b.items[0]!) && (sameItem(a.items[1]!, b.items[1]!) || sameAsSets(a.items[1]!, b.items[1]!));
  if (own === other && sameSequence(a.items, b.items)) return true;
  if ("≈≡~∥⊥≅".includes(own)) return own === other && sameSequence(a.items, [...b.items].reverse());
  const ratio = constantRatio(difference(a), difference(b));
  if (ratio === null) return false;
  const symmetric = own === "=" || own === "≠";
  return symmetric ? own === other : other === (ratio > 0 ? own : flipped(own));
}

const difference = ({ items }: RelationNode): Node => ({ kind: "sum", items: [items[0]!, { kind: "product", items: [{ kind: "number", value: { n: -1n, d: 1n }, digits: null }, items[1]!] }] });

/** f / g where it is the same real number at every point; null where it is not, or nothing is unknown. */
function constantRatio(f: Node, g: Node): number | null {
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

function sameQuantity(x: Node, y: Node): boolean {
  const [own, other] = [x.kind === "quantity" ? x.value : x, y.kind === "quantity" ? y.value : y];
  const [a, b] = [x, y].map((node) => ({ unit: node.kind === "quantity" ? node.unit : "" })) as [{ unit: string }, { unit: string }];
  if (a.unit === "" || b.unit === "") return sameItem(own, other) || inRadians(x, y) || inRadians(y, x);
  const counted = (unit: string): boolean => unit.startsWith("counted ");
  // What is counted may be named in many ways; morning and evening may not.
  if (counted(a.unit) && counted(b.unit) && half(a.unit) !== half(b.unit)) return false;
  // Apples are no centimetres.
  if (counted(a.unit) !== counted(b.unit)) return [a.unit, b.unit].some((unit) => unit === "unit") && sameItem(own, other);
  if (counted(a.unit)) return sameItem(own, other);
  if (a.unit === b.unit) return sameItem(own, other);
  const ratio = unitRatio(a.unit, b.unit);
  if (ratio === null) return false;
  try {
    return sameReals(toReal(valueOf(own)).times(ratio), toReal(valueOf(other)), { rounded: true, digits: null }, { rounded: true, digits: null });
  } catch (error) {
    if (error instanceof NoRealValue) return false;
    throw error;
  }
}

/** "a" or "p" of a.m. and p.m.; null for other words. */
const half = (unit: string): string | null => /^counted ([ap])m$/.exec(unit)?.[1] ?? null;

/** 90° beside π/2. */
function inRadians(x: Node, y: Node): boolean {
  if (x.kind !== "quantity" || x.unit !== "°" || ![...within(y)].some((node) => node.kind === "constant" && node.name === "pi")) return false;
  const turned: Node = { kind: "quotient", over: { kind: "product", items: [x.value, { kind: "constant", name: "pi" }] }, under: { kind: "number", value: { n: 180n, d: 1n }, digits: null } };
  return sameItem(turned, y.kind === "quantity" ? y.value : y);
}

/** 28 % is 28 % and 0.28; beside a bare 28 the question asked for the percentage. */
function samePercent(x: Node, y: Node): boolean {
  const own = (node: Node): Node => (node.kind === "percent" ? node.value : node);
  if (sameItem(own(x), own(y))) return true;
  return x.kind !== y.kind && sameExpression(x, y);
}

function sameBased(x: Node, y: Node): boolean {
  if (x.kind === "based" && y.kind === "based") return x.base === y.base ? x.digits.replace(/^0+/, "") === y.digits.replace(/^0+/, "") : false;
  const [based, other] = x.kind === "based" ? [x, y] : [y, x];
  return based.kind === "based" && other.kind === "number" && other.digits === null && other.value.d === 1n && other.value.n.toString() === based.digits;
}

function sameRatio(x: Node, y: Node): boolean {
  if (x.kind !== "ratio" || y.kind !== "ratio") {
    const [ratio, other] = x.kind === "ratio" ? [x, y] : [y, x];
    return ratio.kind === "ratio" && ratio.items.length === 2 && sameItem({ kind: "quotient", over: ratio.items[0]!, under: ratio.items[1]! }, other);
  }
  if (x.items.length !== y.items.length) return false;
  // Times of day, and what has no quotients.
  const plain = (item: Node): boolean => item.kind === "quantity" || (item.kind === "number" && item.value.n === 0n);
  if (x.items.some(plain) || y.items.some(plain)) return sameSequence(x.items, y.items);
  // a : b : c is known by its quotients with the first.
  return x.items.slice(1).every((item, index) => sameExpression({ kind: "quotient", over: item, under: x.items[0]! }, { kind: "quotient", over: y.items[index + 1]!, under: y.items[0]! }));
}

function sameMatrix(x: Node, y: Node): boolean {
  if (x.kind === "matrix" && y.kind === "matrix") return x.rows.length === y.rows.length && x.rows.every((row, index) => sameSequence(row, y.rows[index]!));
  const [matrix, other] = x.kind === "matrix" ? [x, y] : [y, x];
  // A row or a column is a vector.
  const flat = matrix.kind === "matrix" && (matrix.rows.length === 1 || matrix.rows.every(({ length }) => length === 1)) ? matrix.rows.flat() : null;
  return flat !== null && other.kind === "tuple" && sameSequence(flat, other.items);
}

/** Expressions: exactly, or to 50 digits; with unknowns at several points. */
function sameExpression(x: Node, y: Node): boolean {
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
  return new Map(names.map((name, index) => {
    const part = ((round * 7 + index + 1) * 0.6180339887498949) % 1;
    const size = 0.3 + 1.9 * part;
    return [name, [round % 3 === 2 ? -size : size, 0] as const];
  }));
}

function unknowns(...nodes: readonly Node[]): string[] {
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
const shape = (node: Node): string => JSON.stringify(node, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));

/** A word is itself alone; two letters in \text{…} are the product of them too. */
function sameName(x: Node, y: Node): boolean {
  const name = nameOf(x);
  return name !== null && name === nameOf(y) && (x.kind === y.kind || !areWords(name));
}

/** What a node is as a word: text, or letters. */
function nameOf(node: Node): string | null {
  if (node.kind === "text") return node.text;
  if (node.kind === "symbol") return node.name.toLowerCase();
  if (node.kind === "constant") return node.name;
  if (node.kind === "product") {
    const parts = node.items.map(nameOf);
    return parts.includes(null) ? null : parts.join("");
  }
  return null;
}

export type { Relation };
