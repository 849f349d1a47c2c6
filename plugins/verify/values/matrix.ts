/** Sums and products of matrices that are written out. */
import type { Node } from "../notation/node.ts";

type Matrix = Node & { readonly kind: "matrix" };

/** Largest product that is computed, in entries. */
const largest = 400;

/** The matrix that a sum or a product of matrices is; other nodes as they are. */
export function simplifyMatrices(node: Node): Node {
  if (node.kind === "sum" && node.items.every((item) => item.kind === "matrix"))
    return (node.items as readonly Matrix[]).reduce(plus) ?? node;
  if (node.kind === "product") {
    const factors = node.items.map(simplifyMatrices);
    if (!factors.some(({ kind }) => kind === "matrix")) return node;
    return factors.reduce(product);
  }
  if (node.kind === "relation") return { ...node, items: node.items.map(simplifyMatrices) };
  return node;
}

function plus(a: Matrix, b: Matrix): Matrix {
  return {
    kind: "matrix",
    rows: a.rows.map((row, i) =>
      row.map((item, j) => ({ kind: "sum", items: [item, ...(b.rows[i]?.[j] === undefined ? [] : [b.rows[i][j]])] })),
    ),
  };
}

function product(a: Node, b: Node): Node {
  if (a.kind === "matrix" && b.kind === "matrix") {
    const columns = b.rows[0]?.length ?? 0;
    if (
      a.rows.some(({ length }) => length !== b.rows.length) ||
      b.rows.some(({ length }) => length !== columns) ||
      a.rows.length * columns > largest
    )
      return { kind: "product", items: [a, b] };
    return {
      kind: "matrix",
      rows: a.rows.map((row) =>
        Array.from({ length: columns }, (_, j) => ({
          kind: "sum",
          items: row.map((item, k) => ({ kind: "product", items: [item, b.rows[k]![j]!] })),
        })),
      ),
    };
  }
  if (a.kind === "matrix")
    return { kind: "matrix", rows: a.rows.map((row) => row.map((item) => ({ kind: "product", items: [item, b] }))) };
  if (b.kind === "matrix") return product(b, a);
  return { kind: "product", items: [a, b] };
}
