/** Low-rank updates of weights (LoRA, arXiv:2106.09685): x·(W + s·B·A)ᵀ without W + s·B·A. */
import type { LowRank } from "../graph.ts";
import { at, type Dim } from "../dims.ts";
import type { Op, Value } from "../graph.ts";
import { dropout } from "./dropout.ts";
import { affine } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { concat, reshape, transpose, zeros } from "./shape.ts";

/** y = x·wᵀ, plus what the updates add of `w`, or of the weights that `w` is joined of. */
export function lowRankUpdated(y: Value, x: Value, w: Value): Value {
  const { lowRank } = x.graph;
  if (lowRank.size === 0) return y;
  const parts = partsOf(w).flatMap((weight) => (lowRank.get(weight) ?? []).map((update) => ({ weight, update })));
  const plain = parts.filter(({ update }) => update.dropout === null);
  const single = plain.length === 1 ? plain : [];
  const dropped = parts.filter(({ update }) => update.dropout !== null);
  const whole = plain.length > 1 ? together(y, x, w, plain) : y;
  return [...single, ...dropped].reduce((sum, { weight, update: { a, b, scale, dropout: rule } }) => {
    const down = matmul(rule === null ? x : dropout(x, rule), a, { transposeB: true, scale });
    const width = at(b.shape, 1);
    return addProduct(
      sum,
      down,
      replaced(w, (part) => (part === weight ? b : zeros(x.graph, [at(part.shape, 0), width])), width),
    );
  }, whole);
}

interface Part {
  readonly weight: Value;
  readonly update: LowRank;
}

/** All updates as one of the sum of their ranks: a joined weight stays two products. */
function together(y: Value, x: Value, w: Value, parts: readonly Part[]): Value {
  const down = matmul(
    x,
    concat(
      parts.map(({ update: { a, scale } }) => affine(a, scale)),
      0,
    ),
    { transposeB: true },
  );
  const width = parts.reduce((sum, { update }) => sum + (at(update.b.shape, 1) as number), 0);
  const columns = (part: Value): Value =>
    concat(
      parts.map(({ weight, update: { b } }) =>
        weight === part ? b : zeros(x.graph, [at(part.shape, 0), at(b.shape, 1)]),
      ),
      1,
    );
  return addProduct(y, down, replaced(w, columns, width));
}

/** The weights that rows of `w` are taken from. */
function partsOf(w: Value): Value[] {
  return keepsColumns(w) ? [...new Set(w.node.inputs.flatMap(partsOf))] : [w];
}

/** `w` with other columns: every weight [out, in] in it replaced by an array [out, width]. */
function replaced(w: Value, by: (part: Value) => Value, width: Dim): Value {
  if (!keepsColumns(w)) return by(w);
  const inputs = w.node.inputs.map((input) => replaced(input, by, width));
  const [one] = inputs as [Value];
  const { name } = w.node.op;
  if (name === "reshape") return reshape(one, [...w.shape.slice(0, -1), width]);
  const attributes = w.node.attributes as { readonly axis: number; readonly permutation: readonly number[] };
  return name === "concat" ? concat(inputs, attributes.axis) : transpose(one, attributes.permutation);
}

/** Whether a value is others' rows in another order or shape, the last axis left as it is. */
function keepsColumns({ node, shape }: Value): boolean {
  const { name } = node.op;
  const last = shape.length - 1;
  const attributes = node.attributes as { readonly axis: number; readonly permutation: readonly number[] };
  if (name === "reshape") return at(node.inputs[0]!.shape, -1) === at(shape, -1);
  return (
    (name === "concat" && attributes.axis !== last) || (name === "transpose" && attributes.permutation[last] === last)
  );
}

/** y + x·wᵀ: y [rows, out], x [rows, rank], w [out, rank]. */
const addProduct = (y: Value, x: Value, w: Value): Value => x.graph.apply(addProductOp, [y, x, w], {});

const addProductOp: Op = {
  name: "addProduct",
  outputs: ([y, x, w]) => {
    if (y?.shape.length !== 2 || x?.shape.length !== 2 || w?.shape.length !== 2)
      throw new Error("needs y [rows, out], x [rows, rank] and w [out, rank]");
    if (at(x.shape, 1) !== at(w.shape, 1) || at(y.shape, 1) !== at(w.shape, 0)) throw new Error("the sizes do not fit");
    return [{ shape: y.shape, dtype: "float32" }];
  },
  gradient: (node, [dy]) => {
    const [, x, w] = node.inputs;
    return dy && x && w ? [dy, matmul(dy, w), matmul(dy, x, { transposeA: true })] : [];
  },
  onnx: (emitter, _, [y, x, w], outputs) =>
    void emitter.op("Gemm", [x!, w!, y!], { outputs, attributes: { transB: 1 } }),
};
