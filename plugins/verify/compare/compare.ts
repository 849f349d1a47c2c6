/** When two answers are the same. */
import type { Node } from "../notation/node.ts";
import { simplifyMatrices } from "../values/matrix.ts";
import { realSetOf, sameSet } from "../values/real-set.ts";
import { sameExpression } from "./expressions.ts";
import { isName, sameName } from "./names.ts";
import { decimals, sameReals } from "./numbers.ts";
import { sameBased, samePercent, sameQuantity, sameRatio } from "./quantities.ts";
import { chained, headsAgree, isChain, sameRelation, type Comparison } from "./relations.ts";

/** Whether an answer that was found is the expected one. */
export function sameAnswer(expected: Node, found: Node): boolean {
  const [a, b] = [simplifyMatrices(expected), simplifyMatrices(found)];
  return sameItem(a, b) || sameAsSets(a, b) || sameItems(a, b);
}

const several = (node: Node): readonly Node[] | null =>
  node.kind === "list" || node.kind === "set" ? node.items : null;

/** Several answers: in any order; a tuple's in its own. */
function sameItems(a: Node, b: Node): boolean {
  const [x, y] = [withoutHead(a), withoutHead(b)];
  const [own, other] = [several(x), several(y)];
  if (own !== null && other !== null) return sameCollection(own, other);
  // One solution beside a set of one, and {a, b} without its backslashes beside (a, b).
  if (own !== null) return x.kind === "list" && y.kind === "tuple" ? sameSequence(own, y.items) : isOne(own, y);
  if (other === null) return false;
  return y.kind === "list" && x.kind === "tuple" ? sameSequence(x.items, other) : isOne(other, x);
}

/** The same answer, given once or several times. */
const isOne = (items: readonly Node[], one: Node): boolean =>
  items.length > 0 && items.length <= 60 && items.every((item) => sameItem(item, one));

function sameSequence(a: readonly Node[], b: readonly Node[]): boolean {
  return a.length === b.length && a.every((item, index) => sameItem(item, b[index]!));
}

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

const distinct = (items: readonly Node[]): readonly Node[] =>
  items.length > 60
    ? items
    : items.filter((item, index) => !items.slice(0, index).some((earlier) => sameItem(earlier, item)));

/** Sets of real numbers: intervals, unions, inequalities. */
function sameAsSets(a: Node, b: Node): boolean {
  if (a.kind === "tuple" && b.kind === "tuple") return false;
  const [own, other] = [realSetOf(a), realSetOf(b)];
  // One interval and a tuple are written alike; what is no tuple says which it is.
  if (own === null || other === null) return false;
  const [left, right] = [
    { rounded: decimals(a), digits: null },
    { rounded: decimals(b), digits: null },
  ];
  return sameSet(own, other, (x, y) => sameReals(x, y, left, right));
}

function sameItem(a: Node, b: Node): boolean {
  if (a.kind === "relation" && b.kind === "relation") {
    if (sameRelation(a, b, by)) return true;
    if (!headsAgree(a.items[0]!, b.items[0]!)) return false;
  }
  if (isChain(a) || isChain(b))
    return sameChained(isChain(a) ? chained(a, by) : [a], isChain(b) ? chained(b, by) : [b]);
  const [x, y] = [withoutHead(pointOf(a, b)), withoutHead(pointOf(b, a))];
  if (x.kind === "relation" || y.kind === "relation") {
    return (x !== a || y !== b) && x.kind === y.kind && sameItem(x, y);
  }
  if (x.kind === "text" || y.kind === "text") return sameName(x, y);
  if (x.kind === "quantity" || y.kind === "quantity") return sameQuantity(x, y, by);
  if (x.kind === "percent" || y.kind === "percent") return samePercent(x, y, by);
  if (x.kind === "based" || y.kind === "based") return sameBased(x, y);
  if (x.kind === "ratio" || y.kind === "ratio") return sameRatio(x, y, by);
  if (x.kind === "tuple" && y.kind === "tuple") {
    return x.open === y.open && x.close === y.close && sameSequence(x.items, y.items);
  }
  if (isCollection(x) || isCollection(y)) {
    return x.kind === y.kind && "items" in x && "items" in y && sameCollection(x.items, y.items);
  }
  if (x.kind === "matrix" || y.kind === "matrix") return sameMatrix(x, y);
  if (isRange(x) || isRange(y)) return x.kind === y.kind && sameAsSets(x, y);
  return sameExpression(x, y);
}

const isCollection = ({ kind }: Node): boolean => kind === "list" || kind === "set";
const isRange = ({ kind }: Node): boolean => kind === "tuple" || kind === "set operation";

/** Whether one of two chains' values are the same. */
const sameChained = (a: readonly Node[], b: readonly Node[]): boolean =>
  a.some((one) => b.some((other) => sameItem(one, other)));

const by: Comparison = { sameItem, sameSequence, sameAsSets };

/** "x = 5" is 5, "x ∈ S" is S; what stands left must be a name. */
function withoutHead(node: Node): Node {
  if (node.kind !== "relation" || !isName(node.items[0]!)) return node;
  const { items, operators } = node;
  if (operators[0] === "∈" && operators.length === 1) return items[1]!;
  if (!operators.every((operator) => operator === "=" || operator === "≈")) return node;
  return items.at(-1)!;
}

/** A(1, 2) is the point (1, 2) where the other answer does not name it. */
function pointOf(node: Node, other: Node): Node {
  if (other.kind !== "tuple" || node.kind !== "product" || node.items.length !== 2) return node;
  const [name, point] = node.items as [Node, Node];
  return name.kind === "symbol" && /^[A-Z]/.test(name.name) && point.kind === "tuple" ? point : node;
}

function sameMatrix(x: Node, y: Node): boolean {
  if (x.kind === "matrix" && y.kind === "matrix") {
    return x.rows.length === y.rows.length && x.rows.every((row, index) => sameSequence(row, y.rows[index]!));
  }
  const [matrix, other] = x.kind === "matrix" ? [x, y] : [y, x];
  if (matrix.kind !== "matrix" || other.kind !== "tuple") return false;
  // A row or a column is a vector.
  const isVector = matrix.rows.length === 1 || matrix.rows.every(({ length }) => length === 1);
  return isVector && sameSequence(matrix.rows.flat(), other.items);
}
