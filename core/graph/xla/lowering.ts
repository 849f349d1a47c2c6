/** The third lowering: each op as StableHLO. The first, to ONNX, stands beside each op. */
import type { Shape } from "../dims.ts";
import type { Attributes, Node, Value } from "../graph.ts";
import { keptScale, splitMix } from "../ops/dropout.ts";
import type { BlockHeads } from "../ops/block-attention.ts";
import { plus, times } from "./arithmetic.ts";
import { attendInTiles, attendInTilesBack, type TileSetting } from "./tiles/attention-tiles.ts";
import { attendChangedInTiles } from "./tiles/changed-attention-tiles.ts";
import { lowerDraw } from "./draw.ts";
import type { ElementType } from "./client/pjrt-functions.ts";
import { entries, type Hlo, type HloWriter, type ProductAxes, tensorType } from "./writer.ts";

export interface Lowered {
  readonly hlo: HloWriter;
  readonly node: Node;
  readonly inputs: readonly Hlo[];
  /** Sizes of a shape in this program. */
  readonly sizes: (shape: Shape) => readonly number[];
  /**
   * Of the factors of matrix products, which are summed in float32, and of what products, norms and what follows them
   * return.
   */
  readonly products: "f32" | "bf16";
}

/** The node's outputs. */
export type Lowering = (lowered: Lowered) => readonly Hlo[];

const input = ({ inputs }: Lowered, i = 0): Hlo => inputs[i] as Hlo;
const attributes = <A extends Attributes>({ node }: Lowered): A => node.attributes as A;
const output = ({ node, sizes }: Lowered): readonly number[] => sizes(node.outputs[0]!.shape);

/** Arithmetic is float32's whatever is kept. */
const wide = (hlo: HloWriter, x: Hlo): Hlo => (x.type === "bf16" ? hlo.convert(x, "f32") : x);

/**
 * What an operation on these arrays returns: float32 if one that has the result's shape is. What is stretched to it (a
 * norm's weights, a
 * mask, a number) does not widen the result, which would double what is written.
 */
function commonType(inputs: readonly Hlo[], shape: readonly number[]): ElementType {
  const whole = inputs.filter((value) => entries(value.shape) === entries(shape));
  return (whole.length > 0 ? whole : inputs).some(({ type }) => type !== "bf16") ? "f32" : "bf16";
}

/** An elementwise operation; inputs are stretched to the output's shape. */
const elementwise =
  (name: string): Lowering =>
  (lowered) => {
    const { hlo } = lowered;
    const shape = output(lowered);
    const [first, ...others] = lowered.inputs.map((value) => hlo.stretch(wide(hlo, value), shape));
    return [hlo.convert(hlo.map(name, first!, ...others), commonType(lowered.inputs, shape))];
  };

const scaled = (hlo: HloWriter, x: Hlo, factor: number): Hlo =>
  factor === 1 ? x : times(hlo, x, hlo.constant(factor));

/** Computed in float32 and returned in the input's type. */
const inFloat32 =
  (rule: (hlo: HloWriter, x: Hlo, lowered: Lowered) => Hlo): Lowering =>
  (lowered) => {
    const x = input(lowered);
    return [lowered.hlo.convert(rule(lowered.hlo, wide(lowered.hlo, x), lowered), x.type)];
  };

/** [normed, 1 / root mean square], in float32. */
function norm(hlo: HloWriter, x: Hlo, weight: Hlo, epsilon: number): readonly [Hlo, Hlo] {
  const mean = scaled(hlo, hlo.reduceLast(hlo.map("multiply", x, x), "add"), 1 / x.shape.at(-1)!);
  const inverse = hlo.map("rsqrt", plus(hlo, mean, hlo.constant(epsilon)));
  return [times(hlo, times(hlo, x, inverse), weight), inverse];
}

/** 1 where the op `dropout` keeps an entry: the same bits as ONNX's. */
function dropoutMask(hlo: HloWriter, [rows, width]: readonly [number, number], key: Hlo, threshold: number): Hlo {
  const words = Math.ceil(width / 4);
  const shape = [rows, words];
  const long = (value: bigint): Hlo => hlo.constant(BigInt.asIntN(64, value), "i64");
  const half = (index: number): Hlo => hlo.convert(hlo.reshape(hlo.slice(key, 0, index, 1), []), "i64");
  const shifted = (value: Hlo, by: bigint): Hlo =>
    hlo.map("shift_right_logical", value, hlo.stretch(long(by), value.shape));
  const seed = hlo.map("add", hlo.map("multiply", half(1), long(2n ** 32n)), half(0));
  const counter = hlo.map("add", times(hlo, hlo.iota(shape, 0, "i64"), long(BigInt(words))), hlo.iota(shape, 1, "i64"));
  let word = plus(hlo, times(hlo, counter, long(splitMix.gamma)), seed);
  for (const [shift, factor] of splitMix.steps) {
    const mixed = hlo.map("xor", word, shifted(word, shift));
    word = factor === null ? mixed : times(hlo, mixed, long(factor));
  }
  const lanes = [0n, 16n, 32n, 48n].map((shift) =>
    hlo.reshape(hlo.map("and", shifted(word, shift), hlo.stretch(long(65_535n), shape)), [...shape, 1]),
  );
  const values = hlo.slice(hlo.reshape(hlo.concat(lanes, 2), [rows, 4 * words]), 1, 0, width);
  return hlo.convert(hlo.compare("GE", values, hlo.stretch(long(BigInt(threshold)), values.shape)), "f32");
}

/** Products summed in float32; what is kept of them is of the factors' type, unless `full`. */
function product(
  { hlo, products }: Lowered,
  [a, b]: readonly [Hlo, Hlo],
  axes: ProductAxes,
  after: (sums: Hlo) => Hlo,
  full: boolean,
): Hlo {
  const sums = after(hlo.product(hlo.convert(a, products), hlo.convert(b, products), axes));
  return full ? sums : hlo.convert(sums, products);
}

/** Attention in tiles; what it returns is kept as products are. */
const inTiles =
  (rule: (hlo: HloWriter, inputs: readonly Hlo[], setting: TileSetting) => readonly Hlo[]): Lowering =>
  (lowered) => {
    const { hlo, inputs, products } = lowered;
    const heads = attributes<BlockHeads>(lowered);
    return rule(hlo, inputs, { heads, products }).map((result) => hlo.convert(result, products));
  };

/** By op name; a test asks for every op. */
export const lowerings: Readonly<Record<string, Lowering>> = {
  add: elementwise("add"),
  sub: elementwise("subtract"),
  mul: elementwise("multiply"),
  div: elementwise("divide"),
  neg: elementwise("negate"),
  exp: elementwise("exponential"),
  log: elementwise("log"),
  sqrt: elementwise("sqrt"),
  sigmoid: elementwise("logistic"),
  erf: inFloat32((hlo, x) => hlo.typed(`chlo.erf ${x.name} : ${tensorType(x)} -> ${tensorType(x)}`, x.shape, x.type)),
  softmax: inFloat32((hlo, x) => {
    const masses = hlo.map("exponential", hlo.map("subtract", x, hlo.stretch(hlo.reduceLast(x, "maximum"), x.shape)));
    return hlo.map("divide", masses, hlo.stretch(hlo.reduceLast(masses, "add"), x.shape));
  }),
  affine: inFloat32((hlo, x, lowered) => {
    const { factor, offset } = attributes<{ factor: number; offset: number }>(lowered);
    const multiplied = scaled(hlo, x, factor);
    return offset === 0 ? multiplied : plus(hlo, multiplied, hlo.constant(offset));
  }),
  scalar: (lowered) => [lowered.hlo.constant(attributes<{ value: number }>(lowered).value)],
  withGradient: (lowered) => [input(lowered)],
  matmul: (lowered) => {
    const { transposeA, transposeB, scale } = attributes<{ transposeA: boolean; transposeB: boolean; scale: number }>(
      lowered,
    );
    const [a, b] = [input(lowered), input(lowered, 1)];
    const rank = a.shape.length;
    const batch = Array.from({ length: rank - 2 }, (_, i) => i);
    const over = [[transposeA ? rank - 2 : rank - 1], [transposeB ? rank - 1 : rank - 2]] as const;
    // Summed over rows, it is a gradient of weights, to which more of its kind are added.
    const isOfWeights = rank === 2 && transposeA;
    return [
      product(
        lowered,
        [a, b],
        { batch: [batch, batch], contracting: over },
        (sums) => scaled(lowered.hlo, sums, scale),
        isOfWeights,
      ),
    ];
  },
  linear: (lowered) => {
    const {
      hlo,
      inputs: [x, w, b],
    } = lowered;
    const { full = false } = attributes<{ full?: boolean }>(lowered);
    return [
      product(
        lowered,
        [x!, w!],
        { contracting: [[1], [1]] },
        (sums) => (b === undefined ? sums : plus(hlo, sums, wide(hlo, b))),
        full,
      ),
    ];
  },
  addProduct: (lowered) => {
    const {
      hlo,
      products,
      inputs: [y, x, w],
    } = lowered;
    const product = hlo.product(hlo.convert(x!, products), hlo.convert(w!, products), { contracting: [[1], [1]] });
    return [hlo.convert(plus(hlo, wide(hlo, y!), product), y!.type)];
  },
  dropout: inFloat32((hlo, x, lowered) => {
    const { threshold } = attributes<{ threshold: number }>(lowered);
    const kept = hlo.map("multiply", x, dropoutMask(hlo, x.shape as [number, number], input(lowered, 1), threshold));
    return scaled(hlo, kept, keptScale(threshold));
  }),
  sum: (lowered) => [
    lowered.hlo.reduce(wide(lowered.hlo, input(lowered)), "add", attributes<{ axes: number[] }>(lowered).axes),
  ],
  max: (lowered) => [lowered.hlo.reduceLast(wide(lowered.hlo, input(lowered)), "maximum")],
  gatherRows: (lowered) => [lowered.hlo.gatherRows(input(lowered), input(lowered, 1))],
  scatterAddRows: (lowered) => {
    const { hlo } = lowered;
    const [base, index, rows] = [input(lowered), input(lowered, 1), input(lowered, 2)];
    const sums = hlo.scatterAdd(wide(hlo, base), hlo.reshape(index, [...index.shape, 1]), wide(hlo, rows), 1);
    return [hlo.convert(sums, base.type)];
  },
  pack: (lowered) => {
    const { hlo } = lowered;
    const [x, rowOfSlot, filled] = [input(lowered), input(lowered, 1), input(lowered, 3)];
    return [hlo.convert(times(hlo, wide(hlo, hlo.gatherRows(x, rowOfSlot)), filled), x.type)];
  },
  unpack: (lowered) => [lowered.hlo.gatherRows(input(lowered), input(lowered, 2))],
  reshape: (lowered) => [lowered.hlo.reshape(input(lowered), output(lowered))],
  transpose: (lowered) => [
    lowered.hlo.transpose(input(lowered), attributes<{ permutation: number[] }>(lowered).permutation),
  ],
  concat: (lowered) => {
    const { hlo, inputs } = lowered;
    const isMixed = inputs.some(({ type }) => type !== inputs[0]!.type);
    return [
      hlo.concat(
        isMixed ? inputs.map((value) => wide(hlo, value)) : inputs,
        attributes<{ axis: number }>(lowered).axis,
      ),
    ];
  },
  split: (lowered) => {
    const { sizes, axis } = attributes<{ sizes: Shape; axis: number }>(lowered);
    let start = 0;
    return lowered.sizes(sizes).map((size) => {
      start += size;
      return lowered.hlo.slice(input(lowered), axis, start - size, size);
    });
  },
  expand: (lowered) => [lowered.hlo.stretch(input(lowered), output(lowered))],
  zeros: (lowered) => [lowered.hlo.filled(0, output(lowered))],
  rmsNorm: (lowered) => {
    const { hlo, products } = lowered;
    const [normed, inverse] = norm(
      hlo,
      wide(hlo, input(lowered)),
      input(lowered, 1),
      attributes<{ epsilon: number }>(lowered).epsilon,
    );
    return [hlo.convert(normed, products), inverse];
  },
  addRmsNorm: (lowered) => {
    const { hlo, products } = lowered;
    const sum = hlo.map("add", wide(hlo, input(lowered)), wide(hlo, input(lowered, 1)));
    return [
      hlo.convert(norm(hlo, sum, input(lowered, 2), attributes<{ epsilon: number }>(lowered).epsilon)[0], products),
      sum,
    ];
  },
  rope: inFloat32((hlo, x, lowered) => {
    const [cos, sin] = [input(lowered, 1), input(lowered, 2)];
    const { heads } = attributes<{ heads: number }>(lowered);
    const [rows, half] = cos.shape as [number, number];
    const byHead = hlo.reshape(x, [rows, heads, 2 * half]);
    const [left, right] = [hlo.slice(byHead, 2, 0, half), hlo.slice(byHead, 2, half, half)];
    const angle = (table: Hlo): Hlo => hlo.broadcast(table, left.shape, [0, 2]);
    const mul = (a: Hlo, b: Hlo): Hlo => hlo.map("multiply", a, b);
    const [c, s] = [angle(cos), angle(sin)];
    const turned = [hlo.map("subtract", mul(left, c), mul(right, s)), hlo.map("add", mul(right, c), mul(left, s))];
    return hlo.reshape(hlo.concat(turned, 2), x.shape);
  }),
  pickColumn: (lowered) => {
    const { hlo } = lowered;
    const [x, column] = [wide(hlo, input(lowered)), input(lowered, 1)];
    const chosen = hlo.compare("EQ", hlo.iota(x.shape, 1), hlo.stretch(column, x.shape));
    return [hlo.reduceLast(hlo.select(chosen, x, hlo.filled(0, x.shape)), "add")];
  },
  writeAt: (lowered) => {
    const { hlo } = lowered;
    const [base, update, place] = [input(lowered), input(lowered, 1), input(lowered, 2)];
    return [
      hlo.write(
        base,
        hlo.convert(update, base.type),
        hlo.reshape(place, []),
        attributes<{ axis: number }>(lowered).axis,
      ),
    ];
  },
  drawToken: (lowered) => {
    const { hlo } = lowered;
    const [scores, words, allowed, topK, topP] = lowered.inputs as [Hlo, Hlo, Hlo, Hlo, Hlo];
    const settings = attributes<{ greedy: boolean; truncated: boolean }>(lowered);
    return lowerDraw(hlo, { scores: wide(hlo, scores), words, allowed, topK, topP, ...settings });
  },
  blockAttention: inTiles((...given) => [attendInTiles(...given)]),
  blockAttentionBack: inTiles(attendInTilesBack),
  changedBlockAttention: inTiles((...given) => [attendChangedInTiles(...given)]),
  addToColumn: (lowered) => {
    const { hlo } = lowered;
    const [x, column, value] = [wide(hlo, input(lowered)), input(lowered, 1), wide(hlo, input(lowered, 2))];
    return [
      hlo.scatterAdd(x, hlo.concat([hlo.iota(column.shape, 0), column], 1), hlo.reshape(value, [x.shape[0]!]), 2),
    ];
  },
};

/**
 * Nodes in order: what they read is taken from `values`, what they compute is added to it.
 * @throws Error naming an op that has no lowering
 */
export function lowerNodes(
  hlo: HloWriter,
  nodes: readonly Node[],
  values: Map<Value, Hlo>,
  { sizes, products }: Pick<Lowered, "sizes" | "products">,
): void {
  for (const node of nodes) {
    const lowering = lowerings[node.op.name];
    if (lowering === undefined) throw new Error(`the op "${node.op.name}" has no lowering to OpenXLA`);
    hlo.locate(node.op.name);
    const inputs = node.inputs.map((value) => values.get(value)!);
    const results = lowering({ hlo, node, inputs, sizes, products });
    node.outputs.forEach((value, i) => values.set(value, results[i]!));
  }
}
