/** The mask of the op `dropout` by TensorFlow's kernels: the same bits as ONNX's. */
import { splitMix } from "../ops/dropout.ts";
import type { Handle, Kernels } from "./kernels.ts";

/** 1 where an entry is kept, 0 where it is dropped, float [rows, width]. */
export function dropoutMask(
  kernels: Kernels,
  [rows = 0, width = 0]: readonly number[],
  key: Handle,
  threshold: number,
): Handle {
  const { TF_FLOAT, TF_INT32, TF_INT64, TF_BOOL } = kernels.binding;
  const words = Math.ceil(width / 4);
  const [mask] = kernels.scope((keep) => {
    const cast = (x: Handle, from: number, to: number): Handle =>
      keep(kernels.runWith("Cast", [x], [kernels.type("SrcT", from), kernels.type("DstT", to)]));
    const long = (name: string, a: Handle, b: Handle): Handle =>
      keep(kernels.runWith(name, [a, b], [kernels.type("T", TF_INT64)]));
    const small = (value: number): Handle => cast(kernels.ints(value), TF_INT32, TF_INT64);
    const shiftedLeft = (x: Handle): Handle => long("Mul", long("Mul", x, small(65_536)), small(65_536));
    // Only int32 reaches TensorFlow from here: the upper half, and the lower one as a signed number.
    const constant = (value: bigint): Handle => {
      const low = Number(BigInt.asIntN(32, value));
      return long("AddV2", shiftedLeft(small(Number(BigInt.asIntN(32, (value - BigInt(low)) >> 32n)))), small(low));
    };
    const shiftedRight = (x: Handle, by: bigint): Handle =>
      by === 0n ? x : long("BitwiseAnd", long("RightShift", x, small(Number(by))), constant((1n << (64n - by)) - 1n));
    const gather = (index: number): Handle =>
      keep(
        kernels.runWith(
          "GatherV2",
          [cast(key, TF_INT32, TF_INT64), kernels.ints(index), kernels.ints(0)],
          [
            kernels.integer("batch_dims", 0),
            kernels.type("Tparams", TF_INT64),
            kernels.indices("Tindices"),
            kernels.indices("Taxis"),
          ],
        ),
      );
    const range = (end: number, shape: readonly number[]): Handle => {
      const numbers = keep(
        kernels.runWith("Range", [kernels.ints(0), kernels.ints(end), kernels.ints(1)], [kernels.indices("Tidx")]),
      );
      return cast(
        keep(
          kernels.runWith("Reshape", [numbers, kernels.ints(shape)], [kernels.indices("T"), kernels.indices("Tshape")]),
        ),
        TF_INT32,
        TF_INT64,
      );
    };
    const counter = long("AddV2", long("Mul", range(rows, [rows, 1]), small(words)), range(words, [1, words])); // [rows, words]
    let word = long(
      "AddV2",
      long("Mul", counter, constant(splitMix.gamma)),
      long("AddV2", shiftedLeft(gather(1)), gather(0)),
    );
    for (const [shift, factor] of splitMix.steps) {
      const mixed = long("BitwiseXor", word, shiftedRight(word, shift));
      word = factor === null ? mixed : long("Mul", mixed, constant(factor));
    }
    const lanes = [0n, 16n, 32n, 48n].map((shift) => {
      const value = long("BitwiseAnd", shiftedRight(word, shift), small(65_535));
      return keep(
        kernels.runWith(
          "Reshape",
          [value, kernels.ints([rows, words, 1])],
          [kernels.type("T", TF_INT64), kernels.indices("Tshape")],
        ),
      );
    });
    const all = keep(
      kernels.runWith(
        "ConcatV2",
        [...lanes, kernels.ints(2)],
        [kernels.type("T", TF_INT64), kernels.integer("N", 4), kernels.indices("Tidx")],
      ),
    );
    const kept = keep(kernels.runWith("GreaterEqual", [all, small(threshold)], [kernels.type("T", TF_INT64)]));
    const flat = keep(
      kernels.run(
        "Reshape",
        [cast(kept, TF_BOOL, TF_FLOAT), kernels.ints([rows, 4 * words])],
        [kernels.indices("Tshape")],
      ),
    );
    return [
      keep(kernels.run("Slice", [flat, kernels.ints([0, 0]), kernels.ints([rows, width])], [kernels.indices("Index")])),
    ];
  });
  return mask as Handle;
}
