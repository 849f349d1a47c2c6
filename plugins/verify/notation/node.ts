/** What an answer is read as. */
import type { Rational } from "../values/rational.ts";

export type Node =
  /** `digits`: significant digits of a decimal fraction as it was written; null for a whole number. */
  | { readonly kind: "number"; readonly value: Rational; readonly digits: number | null }
  /** A number in another base than ten: its digits and the base. */
  | { readonly kind: "based"; readonly digits: string; readonly base: string }
  | { readonly kind: "constant"; readonly name: "pi" | "e" | "i" | "infinity" }
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "sum" | "product"; readonly items: readonly Node[] }
  | { readonly kind: "quotient"; readonly over: Node; readonly under: Node }
  | { readonly kind: "power"; readonly base: Node; readonly exponent: Node }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] }
  /** (a, b), [a, b), ⟨a, b⟩: a tuple, a point, a vector or an interval; `open` and `close` are brackets. */
  | { readonly kind: "tuple"; readonly items: readonly Node[]; readonly open: string; readonly close: string }
  | { readonly kind: "set"; readonly items: readonly Node[] }
  | {
      readonly kind: "set operation";
      readonly name: "union" | "intersection" | "difference";
      readonly items: readonly [Node, Node];
    }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly Node[])[] }
  | { readonly kind: "ratio"; readonly items: readonly Node[] }
  /** a ∘ b ∘ c. */
  | { readonly kind: "relation"; readonly items: readonly Node[]; readonly operators: readonly Relation[] }
  /** Answers side by side: 1, 2 and 3. */
  | { readonly kind: "list"; readonly items: readonly Node[] }
  | { readonly kind: "quantity"; readonly value: Node; readonly unit: string }
  | { readonly kind: "percent"; readonly value: Node }
  | { readonly kind: "text"; readonly text: string };

export type Relation = "=" | "≈" | "<" | "≤" | ">" | "≥" | "≠" | "∈" | "≡" | "~" | "∥" | "⊥" | "≅";

/** An answer that cannot be read, or work that is too much: told apart from a wrong answer. */
export class UnreadableError extends Error {}

/** A whole number. */
export const whole = (n: bigint): Node => ({ kind: "number", value: { n, d: 1n }, digits: null });
export const minusOne: Node = { kind: "number", value: { n: -1n, d: 1n }, digits: null };
export const negated = (node: Node): Node =>
  node.kind === "number"
    ? { ...node, value: { n: -node.value.n, d: node.value.d } }
    : { kind: "product", items: [minusOne, node] };

/** Everything inside a node, itself first. */
export function* within(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* within(child);
}

export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "sum":
    case "product":
    case "tuple":
    case "set":
    case "set operation":
    case "ratio":
    case "relation":
    case "list":
      return node.items;
    case "quotient":
      return [node.over, node.under];
    case "power":
      return [node.base, node.exponent];
    case "call":
      return node.args;
    case "matrix":
      return node.rows.flat();
    case "quantity":
    case "percent":
      return [node.value];
    default:
      return [];
  }
}
