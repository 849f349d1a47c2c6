/** The second lowering: each op by TensorFlow kernels, run at once. The first, to ONNX, stands beside each op. */
import type { Shape } from "../dims.ts";
import type { Attributes, Node } from "../graph.ts";
import { dropoutMask } from "./dropout-mask.ts";
import type { Handle, Kernels } from "./kernels.ts";
import { keptScale } from "../ops/dropout.ts";

export interface Lowered {
  readonly kernels: Kernels;
  readonly node: Node;
  readonly inputs: readonly Handle[];
  /** Sizes of a shape in this run. */
  readonly sizes: (shape: Shape) => readonly number[];
}

/** New handles of the node's outputs. */
export type Lowering = (lowered: Lowered) => readonly Handle[];

const input = ({ inputs }: Lowered, i = 0): Handle => inputs[i] as Handle;
const attributes = <A extends Attributes>({ node }: Lowered): A => node.attributes as A;
const kernel =
  (name: string): Lowering =>
  ({ kernels, inputs }) => [kernels.run(name, inputs)];

const gather = (kernels: Kernels, table: Handle, index: Handle, { axis = 0, batch = 0 } = {}): Handle =>
  kernels.runWith(
    "GatherV2",
    [table, index, kernels.ints(axis)],
    [
      kernels.integer("batch_dims", batch),
      kernels.type("Tparams", kernels.binding.TF_FLOAT),
      kernels.indices("Tindices"),
      kernels.indices("Taxis"),
    ],
  );
const reshape = (kernels: Kernels, x: Handle, shape: readonly number[]): Handle =>
  kernels.run("Reshape", [x, kernels.ints(shape)], [kernels.indices("Tshape")]);
const concat = (kernels: Kernels, values: readonly Handle[], axis: number): Handle =>
  kernels.run(
    "ConcatV2",
    [...values, kernels.ints(axis)],
    [kernels.integer("N", values.length), kernels.indices("Tidx")],
  );
const reduce = (kernels: Kernels, name: string, x: Handle, axes: readonly number[], keep: boolean): Handle =>
  kernels.run(name, [x, kernels.ints(axes)], [kernels.flag("keep_dims", keep), kernels.indices("Tidx")]);
const product = (kernels: Kernels, a: Handle, b: Handle, transposeA: boolean, transposeB: boolean): Handle =>
  kernels.run("BatchMatMulV2", [a, b], [kernels.flag("adj_x", transposeA), kernels.flag("adj_y", transposeB)]);
/** Another handle on the same values. */
const alias = (kernels: Kernels, x: Handle, shape = x.shape): Handle => reshape(kernels, x, shape);

/** [normed, 1 / root mean square]. */
function norm(kernels: Kernels, x: Handle, weight: Handle, epsilon: number): readonly Handle[] {
  return kernels.scope((keep) => {
    const squares = keep(reduce(kernels, "Mean", keep(kernels.run("Mul", [x, x])), [-1], true));
    const inverse = keep(kernels.run("Rsqrt", [keep(kernels.run("AddV2", [squares, kernels.float(epsilon)]))]));
    return [keep(kernels.run("Mul", [keep(kernels.run("Mul", [x, inverse])), weight])), inverse];
  });
}

/** By op name; a test asks for every op. */
export const lowerings: Readonly<Record<string, Lowering>> = {
  add: kernel("AddV2"),
  sub: kernel("Sub"),
  mul: kernel("Mul"),
  div: kernel("RealDiv"),
  neg: kernel("Neg"),
  exp: kernel("Exp"),
  log: kernel("Log"),
  sqrt: kernel("Sqrt"),
  sigmoid: kernel("Sigmoid"),
  erf: kernel("Erf"),
  softmax: kernel("Softmax"),
  affine: (lowered) => {
    const { kernels } = lowered;
    const { factor, offset } = attributes<{ factor: number; offset: number }>(lowered);
    return kernels.scope((keep) => {
      const scaled = keep(kernels.run("Mul", [input(lowered), kernels.float(factor)]));
      return [offset === 0 ? scaled : keep(kernels.run("AddV2", [scaled, kernels.float(offset)]))];
    });
  },
  scalar: (lowered) => [
    alias(lowered.kernels, lowered.kernels.float(attributes<{ value: number }>(lowered).value), []),
  ],
  withGradient: (lowered) => [alias(lowered.kernels, input(lowered))],
  matmul: (lowered) => {
    const { kernels } = lowered;
    const { transposeA, transposeB, scale } = attributes<{ transposeA: boolean; transposeB: boolean; scale: number }>(
      lowered,
    );
    return kernels.scope((keep) => {
      const plain = keep(product(kernels, input(lowered), input(lowered, 1), transposeA, transposeB));
      return [scale === 1 ? plain : keep(kernels.run("Mul", [plain, kernels.float(scale)]))];
    });
  },
  linear: ({ kernels, inputs: [x, w, b] }) =>
    kernels.scope((keep) => {
      const plain = keep(product(kernels, x as Handle, w as Handle, false, true));
      return [b === undefined ? plain : keep(kernels.run("BiasAdd", [plain, b]))];
    }),
  addProduct: ({ kernels, inputs: [y, x, w] }) =>
    kernels.scope((keep) => [
      keep(kernels.run("AddV2", [y as Handle, keep(product(kernels, x as Handle, w as Handle, false, true))])),
    ]),
  dropout: (lowered) => {
    const { kernels } = lowered;
    const { threshold } = attributes<{ threshold: number }>(lowered);
    return kernels.scope((keep) => {
      const kept = keep(
        kernels.run("Mul", [
          input(lowered),
          keep(dropoutMask(kernels, input(lowered).shape, input(lowered, 1), threshold)),
        ]),
      );
      return [keep(kernels.run("Mul", [kept, kernels.float(keptScale(threshold))]))];
    });
  },
  sum: (lowered) => {
    const { axes } = attributes<{ axes: number[] }>(lowered);
    return [reduce(lowered.kernels, "Sum", input(lowered), axes, false)];
  },
  max: (lowered) => [reduce(lowered.kernels, "Max", input(lowered), [-1], true)],
  gatherRows: (lowered) => [gather(lowered.kernels, input(lowered), input(lowered, 1))],
  scatterAddRows: (lowered) => {
    const { kernels } = lowered;
    const [base, index, rows] = [input(lowered), input(lowered, 1), input(lowered, 2)];
    return kernels.scope((keep) => {
      const sums = keep(
        kernels.run(
          "UnsortedSegmentSum",
          [rows, index, kernels.ints(base.shape[0] as number)],
          [kernels.indices("Tindices"), kernels.indices("Tnumsegments")],
        ),
      );
      return [keep(kernels.run("AddV2", [base, sums]))];
    });
  },
  pack: (lowered) => {
    const { kernels } = lowered;
    return kernels.scope((keep) => [
      keep(kernels.run("Mul", [keep(gather(kernels, input(lowered), input(lowered, 1))), input(lowered, 3)])),
    ]);
  },
  unpack: (lowered) => [gather(lowered.kernels, input(lowered), input(lowered, 2))],
  // Of floats or int32.
  reshape: (lowered) => {
    const { kernels, node, sizes } = lowered;
    const isFloat = node.outputs[0]?.dtype === "float32";
    const type = kernels.type("T", isFloat ? kernels.binding.TF_FLOAT : kernels.binding.TF_INT32);
    return [
      kernels.runWith(
        "Reshape",
        [input(lowered), kernels.ints(sizes(attributes<{ shape: Shape }>(lowered).shape))],
        [type, kernels.indices("Tshape")],
      ),
    ];
  },
  transpose: (lowered) => {
    const { kernels } = lowered;
    return [
      kernels.run(
        "Transpose",
        [input(lowered), kernels.ints(attributes<{ permutation: number[] }>(lowered).permutation)],
        [kernels.indices("Tperm")],
      ),
    ];
  },
  concat: (lowered) => {
    const { kernels, node, inputs } = lowered;
    const isFloat = node.outputs[0]?.dtype === "float32";
    const axis = attributes<{ axis: number }>(lowered).axis;
    const type = kernels.type("T", isFloat ? kernels.binding.TF_FLOAT : kernels.binding.TF_INT32);
    return [
      kernels.runWith(
        "ConcatV2",
        [...inputs, kernels.ints(axis)],
        [type, kernels.integer("N", inputs.length), kernels.indices("Tidx")],
      ),
    ];
  },
  split: (lowered) => {
    const { kernels, sizes } = lowered;
    const { sizes: parts, axis } = attributes<{ sizes: Shape; axis: number }>(lowered);
    return kernels.runAll(
      "SplitV",
      [input(lowered), kernels.ints(sizes(parts)), kernels.ints(axis)],
      [kernels.integer("num_split", parts.length), kernels.indices("Tlen")],
      parts.length,
    );
  },
  expand: (lowered) => {
    const { kernels, sizes } = lowered;
    return [
      kernels.run(
        "BroadcastTo",
        [input(lowered), kernels.ints(sizes(attributes<{ shape: Shape }>(lowered).shape))],
        [kernels.indices("Tidx")],
      ),
    ];
  },
  zeros: (lowered) => {
    const { kernels, sizes } = lowered;
    return [
      kernels.run(
        "Fill",
        [kernels.ints(sizes(attributes<{ shape: Shape }>(lowered).shape)), kernels.float(0)],
        [kernels.indices("index_type")],
      ),
    ];
  },
  rmsNorm: (lowered) =>
    norm(lowered.kernels, input(lowered), input(lowered, 1), attributes<{ epsilon: number }>(lowered).epsilon),
  addRmsNorm: (lowered) => {
    const { kernels } = lowered;
    const sum = kernels.run("AddV2", [input(lowered), input(lowered, 1)]);
    const [normed, inverse] = norm(
      kernels,
      sum,
      input(lowered, 2),
      attributes<{ epsilon: number }>(lowered).epsilon,
    ) as [Handle, Handle];
    kernels.delete(inverse);
    return [normed, sum];
  },
  // x · [cos, cos] + (x rolled by half a head) · [−sin, sin].
  rope: (lowered) => {
    const { kernels } = lowered;
    const [x, cos, sin] = [input(lowered), input(lowered, 1), input(lowered, 2)];
    const { heads } = attributes<{ heads: number }>(lowered);
    const [rows, half] = cos.shape as [number, number];
    return kernels.scope((keep) => {
      const table = (first: Handle, second: Handle): Handle =>
        keep(reshape(kernels, keep(concat(kernels, [first, second], 1)), [rows, 1, 2 * half]));
      const byHead = keep(reshape(kernels, x, [rows, heads, 2 * half]));
      const rolled = keep(
        kernels.run(
          "Roll",
          [byHead, kernels.ints(half), kernels.ints(2)],
          [kernels.indices("Tshift"), kernels.indices("Taxis")],
        ),
      );
      const straight = keep(kernels.run("Mul", [byHead, table(cos, cos)]));
      const turned = keep(kernels.run("Mul", [rolled, table(keep(kernels.run("Neg", [sin])), sin)]));
      return [keep(reshape(kernels, keep(kernels.run("AddV2", [straight, turned])), x.shape))];
    });
  },
  pickColumn: (lowered) => [gather(lowered.kernels, input(lowered), input(lowered, 1), { axis: 1, batch: 1 })],
  addToColumn: (lowered) => {
    const { kernels } = lowered;
    const [x, column, value] = [input(lowered), input(lowered, 1), input(lowered, 2)];
    const rows = x.shape[0] as number;
    return kernels.scope((keep) => {
      const numbers = keep(
        kernels.runWith("Range", [kernels.ints(0), kernels.ints(rows), kernels.ints(1)], [kernels.indices("Tidx")]),
      );
      const type = kernels.indices("T");
      const rowOf = keep(
        kernels.runWith("Reshape", [numbers, kernels.ints([rows, 1])], [type, kernels.indices("Tshape")]),
      );
      const places = keep(
        kernels.runWith(
          "ConcatV2",
          [rowOf, column, kernels.ints(1)],
          [type, kernels.integer("N", 2), kernels.indices("Tidx")],
        ),
      );
      const updates = keep(reshape(kernels, value, [rows]));
      return [keep(kernels.run("TensorScatterAdd", [x, places, updates], [kernels.indices("Tindices")]))];
    });
  },
};
