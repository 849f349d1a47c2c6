/** The third lowering: each op as StableHLO. The first, to ONNX, stands beside each op. */
import type { Shape } from "../dims.ts";
import type { Attributes, Node } from "../graph.ts";
import { keptScale, splitMix } from "../ops/dropout.ts";
import { type Hlo, type HloWriter, tensorType } from "./writer.ts";

export interface Lowered {
  readonly hlo: HloWriter;
  readonly node: Node;
  readonly inputs: readonly Hlo[];
  /** Sizes of a shape in this program. */
  readonly sizes: (shape: Shape) => readonly number[];
  /** Of the factors of matrix products, which are summed in float32. */
  readonly products: "f32" | "bf16";
}

/** The node's outputs. */
export type Lowering = (lowered: Lowered) => readonly Hlo[];

const input = ({ inputs }: Lowered, i = 0): Hlo => inputs[i] as Hlo;
const attributes = <A extends Attributes>({ node }: Lowered): A => node.attributes as A;
const output = ({ node, sizes }: Lowered): readonly number[] => sizes(node.outputs[0]!.shape);

/** An elementwise operation; inputs are stretched to the output's shape. */
const elementwise = (name: string): Lowering => (lowered) => {
  const shape = output(lowered);
  const [first, ...others] = lowered.inputs.map((value) => lowered.hlo.stretch(value, shape));
  return [lowered.hlo.map(name, first!, ...others)];
};

const times = (hlo: HloWriter, a: Hlo, b: Hlo): Hlo => hlo.map("multiply", a, hlo.stretch(b, a.shape));
const plus = (hlo: HloWriter, a: Hlo, b: Hlo): Hlo => hlo.map("add", a, hlo.stretch(b, a.shape));
const scaled = (hlo: HloWriter, x: Hlo, factor: number): Hlo => (factor === 1 ? x : times(hlo, x, hlo.constant(factor)));

/** [normed, 1 / root mean square]. */
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
  const shifted = (value: Hlo, by: bigint): Hlo => hlo.map("shift_right_logical", value, hlo.stretch(long(by), value.shape));
  const seed = hlo.map("add", hlo.map("multiply", half(1), long(2n ** 32n)), half(0));
  const counter = hlo.map("add", times(hlo, hlo.iota(shape, 0, "i64"), long(BigInt(words))), hlo.iota(shape, 1, "i64"));
  let word = plus(hlo, times(hlo, counter, long(splitMix.gamma)), seed);
  for (const [shift, factor] of splitMix.steps) {
    const mixed = hlo.map("xor", word, shifted(word, shift));
    word = factor === null ? mixed : times(hlo, mixed, long(factor));
  }
  const lanes = [0n, 16n, 32n, 48n].map((shift) => hlo.reshape(hlo.map("and", shifted(word, shift), hlo.stretch(long(65_535n), shape)), [...shape, 1]));
  const values = hlo.slice(hlo.reshape(hlo.concat(lanes, 2), [rows, 4 * words]), 1, 0, width);
  return hlo.convert(hlo.compare("GE", values, hlo.stretch(long(BigInt(threshold)), values.shape)), "f32");
}

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
  erf: (lowered) => {
    const x = input(lowered);
    return [lowered.hlo.typed(`chlo.erf ${x.name} : ${tensorType(x)} -> ${tensorType(x)}`, x.shape, x.type)];
  },
  softmax: (lowered) => {
    const { hlo } = lowered;
    const x = input(lowered);
    const masses = hlo.map("exponential", hlo.map("subtract", x, hlo.stretch(hlo.reduceLast(x, "maximum"), x.shape)));
    return [hlo.map("divide", masses, hlo.stretch(hlo.reduceLast(masses, "add"), x.shape))];
  },
  affine: (lowered) => {
    const { hlo } = lowered;
    const { factor, offset } = attributes<{ factor: number; offset: number }>(lowered);
    const product = scaled(hlo, input(lowered), factor);
    return [offset === 0 ? product : plus(hlo, product, hlo.constant(offset))];
  },
  scalar: (lowered) => [lowered.hlo.constant(attributes<{ value: number }>(lowered).value)],
  withGradient: (lowered) => [input(lowered)],
  matmul: (lowered) => {
    const { hlo, products } = lowered;
    const { transposeA, transposeB, scale } = attributes<{ transposeA: boolean; transposeB: boolean; scale: number }>(lowered);
    const [a, b] = [hlo.convert(input(lowered), products), hlo.convert(input(lowered, 1), products)];
    const rank = a.shape.length;
    const batch = Array.from({ length: rank - 2 }, (_, i) => i);
    const product = hlo.product(a, b, { batch: [batch, batch], contracting: [[transposeA ? rank - 2 : rank - 1], [transposeB ? rank - 1 : rank - 2]] });
    return [scaled(hlo, product, scale)];
  },
  linear: ({ hlo, products, inputs: [x, w, b] }) => {
    const product = hlo.product(hlo.convert(x!, products), hlo.convert(w!, products), { contracting: [[1], [1]] });
    return [b === undefined ? product : plus(hlo, product, b)];
  },
  addProduct: ({ hlo, products, inputs: [y, x, w] }) => [plus(hlo, y!, hlo.product(hlo.convert(x!, products), hlo.convert(w!, products), { contracting: [[1], [1]] }))],
  dropout: (lowered) => {
    const { hlo } = lowered;
    const x = input(lowered);
    const { threshold } = attributes<{ threshold: number }>(lowered);
    const kept = hlo.map("multiply", x, dropoutMask(hlo, x.shape as [number, number], input(lowered, 1), threshold));
    return [scaled(hlo, kept, keptScale(threshold))];
  },
  sum: (lowered) => [lowered.hlo.reduce(input(lowered), "add", attributes<{ axes: number[] }>(lowered).axes)],
  max: (lowered) => [lowered.hlo.reduceLast(input(lowered), "maximum")],
  gatherRows: (lowered) => [lowered.hlo.gatherRows(input(lowered), input(lowered, 1))],
  scatterAddRows: (lowered) => {
    const index = input(lowered, 1);
    return [lowered.hlo.scatterAdd(input(lowered), lowered.hlo.reshape(index, [...index.shape, 1]), input(lowered, 2), 1)];
  },
  pack: (lowered) => [times(lowered.hlo, lowered.hlo.gatherRows(input(lowered), input(lowered, 1)), input(lowered, 3))],
  unpack: (lowered) => [lowered.hlo.gatherRows(input(lowered), input(lowered, 2))],
  reshape: (lowered) => [lowered.hlo.reshape(input(lowered), output(lowered))],
  transpose: (lowered) => [lowered.hlo.transpose(input(lowered), attributes<{ permutation: number[] }>(lowered).permutation)],
  concat: (lowered) => [lowered.hlo.concat(lowered.inputs, attributes<{ axis: number }>(lowered).axis)],
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
  rmsNorm: (lowered) => norm(lowered.hlo, input(lowered), input(lowered, 1), attributes<{ epsilon: number }>(lowered).epsilon),
  addRmsNorm: (lowered) => {
    const sum = lowered.hlo.map("add", input(lowered), input(lowered, 1));
    return [norm(lowered.hlo, sum, input(lowered, 2), attributes<{ epsilon: number }>(lowered).epsilon)[0], sum];
  },
  rope: (lowered) => {
    const { hlo } = lowered;
    const [x, cos, sin] = [input(lowered), input(lowered, 1), input(lowered, 2)];
    const { heads } = attributes<{ heads: number }>(lowered);
    const [rows, half] = cos.shape as [number, number];
    const byHead = hlo.reshape(x, [rows, heads, 2 * half]);
    const [left, right] = [hlo.slice(byHead, 2, 0, half), hlo.slice(byHead, 2, half, half)];
    const angle = (table: Hlo): Hlo => hlo.broadcast(table, left.shape, [0, 2]);
    const mul = (a: Hlo, b: Hlo): Hlo => hlo.map("multiply", a, b);
    const [c, s] = [angle(cos), angle(sin)];
    const turned = [hlo.map("subtract", mul(left, c), mul(right, s)), hlo.map("add", mul(right, c), mul(left, s))];
    return [hlo.reshape(hlo.concat(turned, 2), x.shape)];
  },
  pickColumn: (lowered) => {
    const { hlo } = lowered;
    const [x, column] = [input(lowered), input(lowered, 1)];
    const chosen = hlo.compare("EQ", hlo.iota(x.shape, 1), hlo.stretch(column, x.shape));
    return [hlo.reduceLast(hlo.select(chosen, x, hlo.filled(0, x.shape)), "add")];
  },
  addToColumn: (lowered) => {
    const { hlo } = lowered;
    const [x, column, value] = [input(lowered), input(lowered, 1), input(lowered, 2)];
    return [hlo.scatterAdd(x, hlo.concat([hlo.iota(column.shape, 0), column], 1), hlo.reshape(value, [x.shape[0]!]), 2)];
  },
};
