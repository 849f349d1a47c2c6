/**
 * Dropout whose mask is a function of a key and of the place: nothing is kept for the gradient, and computed again it
 * is the same.
 */
import { at } from "../dims.ts";
import { type Dropout, type Op, type Value, first } from "../graph.ts";

/** x [rows, width] with entries set to 0 at the rate, the others divided by 1 − rate. */
export const dropout = (x: Value, { key, rate }: Dropout): Value =>
  x.graph.apply(dropoutOp, [x, key], { threshold: Math.round(rate * lane) });

/** Values of 16 bits: a word of 64 decides about four entries. */
const lane = 2 ** 16;
const perWord = 4;

/** What the kept entries are multiplied with. */
export const keptScale = (threshold: number): number => lane / (lane - threshold);

/**
 * SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) by its counter: word n of a key is mix(key + n·γ). As signed numbers of
 * 64 bits, which wrap around as unsigned ones do.
 */
export const splitMix = {
  gamma: 0x9e3779b97f4a7c15n,
  steps: [
    [30n, 0xbf58476d1ce4e5b9n],
    [27n, 0x94d049bb133111ebn],
    [31n, null],
  ],
} as const;

const dropoutOp: Op<{ readonly threshold: number }> = {
  name: "dropout",
  outputs: ([x, key]) => {
    if (x?.shape.length !== 2 || typeof x.shape[1] !== "number")
      throw new Error("needs x [rows, width], the width a number");
    if (key?.dtype !== "int32" || key.shape[0] !== 2) throw new Error("needs a key of int32 [2]");
    return [{ shape: x.shape, dtype: "float32" }];
  },
  gradient: (node, [dy]) => (dy ? [dy.graph.apply(dropoutOp, [dy, node.inputs[1]!], node.attributes)] : []),
  onnx: (emitter, node, [x, key], outputs) => {
    const one = (type: string, inputs: readonly string[], attributes = {}): string =>
      first(emitter.op(type, inputs, { attributes }));
    const cast = (value: string, to: number): string => one("Cast", [value], { to });
    const width = at(node.inputs[0]!.shape, 1) as number;
    const words = Math.ceil(width / perWord);
    const signed = (value: bigint): string => emitter.ints([BigInt.asIntN(64, value)]);
    const half = (index: number): string => one("Gather", [cast(key!, int64), emitter.ints([index])]);
    const seed = one("Add", [one("Mul", [half(1), signed(2n ** 32n)]), half(0)]);
    // The row count is read off x and not off another array of the same size: a compiler then does not keep one mask
    // for passes there and back.
    const rows = one("Squeeze", [one("Shape", [x!], { start: 0, end: 1 })]);
    const range = (end: string): string => one("Range", [emitter.int(0), end, emitter.int(1)]);
    const row = one("Unsqueeze", [range(rows), emitter.ints([1])]);
    const counter = one("Add", [one("Mul", [row, emitter.ints([words])]), range(emitter.int(words))]); // [rows, words]
    let word = one("Add", [one("Mul", [counter, signed(splitMix.gamma)]), seed]);
    for (const [shift, factor] of splitMix.steps) {
      const unsigned = cast(word, uint64);
      const mixed = one("BitwiseXor", [
        unsigned,
        one("BitShift", [unsigned, emitter.words([shift])], { direction: "RIGHT" }),
      ]);
      word = factor === null ? mixed : one("Mul", [cast(mixed, int64), signed(factor)]);
    }
    const lanes = one("BitShift", [one("Unsqueeze", [word, emitter.ints([2])]), emitter.words([0n, 16n, 32n, 48n])], {
      direction: "RIGHT",
    }); // [rows, words, 4]
    const values = cast(one("BitwiseAnd", [lanes, emitter.words([65_535n])]), int32);
    const kept = cast(
      one("Not", [one("Less", [values, cast(emitter.int(node.attributes.threshold), int32)])]),
      float32,
    );
    const flat = one("Reshape", [kept, emitter.ints([-1, words * perWord])]);
    const mask =
      words * perWord === width
        ? flat
        : one("Slice", [flat, emitter.ints([0]), emitter.ints([width]), emitter.ints([1])]);
    emitter.op("Mul", [one("Mul", [x!, mask]), emitter.float(keptScale(node.attributes.threshold))], { outputs });
  },
  // Lanes as 64-bit numbers, before and after they are cut to 16 bits.
  scratch: ({ inputs }, bytes) => 4 * bytes(first(inputs)),
};

/** TensorProto.DataType. */
const [float32, int32, int64, uint64] = [1, 6, 7, 13];
