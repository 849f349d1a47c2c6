/** Writes StableHLO text: operations of arrays of fixed shapes, one a line. */
import type { ElementType } from "./client/pjrt-functions.ts";

/** An array of the program that is being written. */
export interface Hlo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
}

export const tensorType = ({ shape, type }: Pick<Hlo, "shape" | "type">): string =>
  `tensor<${[...shape, type].join("x")}>`;

export const entries = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

const names = (values: readonly Hlo[]): string => values.map(({ name }) => name).join(", ");
const types = (values: readonly Hlo[]): string => values.map(tensorType).join(", ");

const list = (numbers: readonly number[]): string => `[${numbers.join(", ")}]`;

/** Axes of a product: those that both sides have in common, and those that are summed over. */
export interface ProductAxes {
  readonly batch?: readonly [left: readonly number[], right: readonly number[]];
  readonly contracting: readonly [left: readonly number[], right: readonly number[]];
}

export class HloWriter {
  readonly #lines: string[] = [];
  readonly #constants = new Map<string, Hlo>();
  readonly #prefix: string;
  #fresh = 0;
  #location = "";

  /** @param prefix what names begin with: those of a region must differ from those around it */
  constructor(prefix = "") {
    this.#prefix = prefix;
  }

  /** Lines from here on are named so in the compiler's errors. */
  locate(name: string): void {
    this.#location = ` loc(${JSON.stringify(name)})`;
  }

  /** An array named by the caller's text: an argument, a region's argument. */
  argument(shape: readonly number[], type: ElementType): Hlo {
    return { name: `%${this.#prefix}${this.#fresh++}`, shape, type };
  }

  /** `code` with its operands' types and one result. */
  op(
    code: string,
    inputs: readonly Hlo[],
    shape: readonly number[],
    type: ElementType = inputs[0]?.type ?? "f32",
  ): Hlo {
    return this.typed(
      `${code} : (${inputs.map(tensorType).join(", ")}) -> ${tensorType({ shape, type })}`,
      shape,
      type,
    );
  }

  /** `code` with its types written out. */
  typed(code: string, shape: readonly number[], type: ElementType): Hlo {
    const result = this.argument(shape, type);
    this.#lines.push(`${result.name} = ${code}${this.#location}`);
    return result;
  }

  /** An operation on arrays of one shape. */
  map(name: string, ...inputs: readonly [Hlo, ...Hlo[]]): Hlo {
    return this.op(`stablehlo.${name} ${inputs.map((input) => input.name).join(", ")}`, inputs, inputs[0].shape);
  }

  /** A number as an array of shape []. */
  constant(value: number | bigint, type: ElementType = "f32"): Hlo {
    const key = `${Object.is(value, -0) ? "-0" : value} ${type}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const result = this.argument([], type);
    this.#constants.set(key, result);
    return result;
  }

  /** The same number in every place. */
  filled(value: number, shape: readonly number[], type: ElementType = "f32"): Hlo {
    return this.broadcast(this.constant(value, type), shape, []);
  }

  /** Axis i of `x` becomes axis axes[i]; others, and those of size 1, are repeated. */
  broadcast(x: Hlo, shape: readonly number[], axes: readonly number[]): Hlo {
    if (x.shape.length === shape.length && x.shape.every((size, i) => size === shape[i])) return x;
    return this.op(`stablehlo.broadcast_in_dim ${x.name}, dims = ${list(axes)}`, [x], shape);
  }

  /** The same with axes aligned at the end, as numpy does. */
  stretch(x: Hlo, shape: readonly number[]): Hlo {
    return this.broadcast(
      x,
      shape,
      x.shape.map((_, i) => shape.length - x.shape.length + i),
    );
  }

  reshape(x: Hlo, shape: readonly number[]): Hlo {
    return this.op(`stablehlo.reshape ${x.name}`, [x], shape);
  }

  transpose(x: Hlo, permutation: readonly number[]): Hlo {
    return this.op(
      `stablehlo.transpose ${x.name}, dims = ${list(permutation)}`,
      [x],
      permutation.map((axis) => x.shape[axis]!),
    );
  }

  convert(x: Hlo, type: ElementType): Hlo {
    return x.type === type ? x : this.op(`stablehlo.convert ${x.name}`, [x], x.shape, type);
  }

  /** The same bits as another type of the same size. */
  bitcast(x: Hlo, type: ElementType): Hlo {
    return this.op(`stablehlo.bitcast_convert ${x.name}`, [x], x.shape, type);
  }

  /** One of the parts along the first axis, which disappears; `place` is [] int32. */
  part(x: Hlo, place: Hlo): Hlo {
    return this.reshape(this.read(x, place, 0, 1), x.shape.slice(1));
  }

  /** As many as `size` from a place along an axis; `place` is [] int32. */
  read(x: Hlo, place: Hlo, axis: number, size: number): Hlo {
    const sizes = x.shape.map((own, i) => (i === axis ? size : own));
    const places = sizes.map((_, i) => (i === axis ? place : this.constant(0, "i32")));
    return this.op(
      `stablehlo.dynamic_slice ${x.name}, ${names(places)}, sizes = ${list(sizes)}`,
      [x, ...places],
      sizes,
    );
  }

  /** `base` with `update` written at a place along an axis; `place` is [] int32. */
  write(base: Hlo, update: Hlo, place: Hlo, axis: number): Hlo {
    const places = base.shape.map((_, i) => (i === axis ? place : this.constant(0, "i32")));
    const read = [base, update, ...places];
    return this.op(`stablehlo.dynamic_update_slice ${names(read)}`, read, base.shape);
  }

  /**
   * What `state` has become after so many rounds of `round`, which gets the number of rounds before it ([] int32) and
   * the state as it then is. Everything that a round reads is part of the state.
   */
  rounds(
    count: number,
    state: readonly Hlo[],
    round: (hlo: HloWriter, place: Hlo, state: readonly Hlo[]) => readonly Hlo[],
  ): Hlo[] {
    const all = [this.constant(0, "i32"), ...state];
    const region = (
      prefix: string,
      write: (hlo: HloWriter, place: Hlo, now: readonly Hlo[]) => readonly Hlo[],
    ): string => {
      const hlo = new HloWriter(`${this.#prefix}${prefix}`);
      const [place, ...now] = all.map((value) => hlo.argument(value.shape, value.type)) as [Hlo, ...Hlo[]];
      const results = write(hlo, place, now);
      const given = [place, ...now].map((value) => `${value.name}: ${tensorType(value)}`).join(", ");
      const returned = `stablehlo.return ${names(results)} : ${types(results)}`;
      return [`{ ^bb0(${given}):`, ...hlo.body(), returned, "}"].join("\n");
    };
    const condition = region("c", (hlo, place) => [hlo.compare("LT", place, hlo.constant(count, "i32"))]);
    const body = region("b", (hlo, place, now) => [
      hlo.map("add", place, hlo.constant(1, "i32")),
      ...round(hlo, place, now),
    ]);
    const name = `%${this.#prefix}${this.#fresh++}`;
    this.#lines.push(
      `${name}:${all.length} = "stablehlo.while"(${names(all)}) (${condition}, ${body}) ` +
        `: (${types(all)}) -> (${types(all)})`,
    );
    return state.map(({ shape, type }, i) => ({ name: `${name}#${i + 1}`, shape, type }));
  }

  concat(values: readonly Hlo[], axis: number): Hlo {
    const size = values.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    const shape = values[0]!.shape.map((own, i) => (i === axis ? size : own));
    return this.op(`stablehlo.concatenate ${values.map(({ name }) => name).join(", ")}, dim = ${axis}`, values, shape);
  }

  /** From `start` as many as `size` along an axis. */
  slice(x: Hlo, axis: number, start: number, size: number): Hlo {
    const ranges = x.shape.map((own, i) => (i === axis ? `${start}:${start + size}` : `0:${own}`));
    return this.op(
      `stablehlo.slice ${x.name} [${ranges.join(", ")}]`,
      [x],
      x.shape.map((own, i) => (i === axis ? size : own)),
    );
  }

  /** Axes disappear. */
  reduce(x: Hlo, kind: "add" | "maximum" | "minimum", axes: readonly number[]): Hlo {
    const most = x.type === "i32" ? 2 ** 31 - 1 : Infinity;
    const start = this.constant(
      kind === "add" ? 0 : kind === "maximum" ? (x.type === "i32" ? -(2 ** 31) : -Infinity) : most,
      x.type,
    );
    const shape = x.shape.filter((_, i) => !axes.includes(i));
    return this.op(
      `stablehlo.reduce(${x.name} init: ${start.name}) applies stablehlo.${kind} across dimensions = ${list(axes)}`,
      [x, start],
      shape,
    );
  }

  /** The last axis stays, with size 1. */
  reduceLast(x: Hlo, kind: "add" | "maximum"): Hlo {
    return this.reshape(this.reduce(x, kind, [x.shape.length - 1]), [...x.shape.slice(0, -1), 1]);
  }

  /** 0, 1, … along an axis. */
  iota(shape: readonly number[], axis: number, type: ElementType = "i32"): Hlo {
    return this.typed(`stablehlo.iota dim = ${axis} : ${tensorType({ shape, type })}`, shape, type);
  }

  compare(direction: "EQ" | "NE" | "LT" | "LE" | "GT" | "GE", a: Hlo, b: Hlo): Hlo {
    return this.op(`stablehlo.compare ${direction}, ${a.name}, ${b.name}`, [a, b], a.shape, "i1");
  }

  select(condition: Hlo, a: Hlo, b: Hlo): Hlo {
    return this.op(`stablehlo.select ${condition.name}, ${a.name}, ${b.name}`, [condition, a, b], a.shape, a.type);
  }

  /** Products summed in float32; of float32 exact ones, which a GPU's default is not. */
  product(a: Hlo, b: Hlo, { batch: [batchA, batchB] = [[], []], contracting: [overA, overB] }: ProductAxes): Hlo {
    const free = ({ shape }: Hlo, ...taken: readonly (readonly number[])[]): number[] =>
      shape.filter((_, i) => !taken.some((axes) => axes.includes(i)));
    const shape = [...batchA.map((axis) => a.shape[axis]!), ...free(a, batchA, overA), ...free(b, batchB, overB)];
    const batches = batchA.length > 0 ? `batching_dims = ${list(batchA)} x ${list(batchB)}, ` : "";
    const precision = a.type === "f32" || a.type === "f64" ? ", precision = [HIGHEST, HIGHEST]" : "";
    return this.op(
      `stablehlo.dot_general ${names([a, b])}, ${batches}contracting_dims = ${list(overA)} x ${list(overB)}${precision}`,
      [a, b],
      shape,
      a.type === "f64" ? "f64" : "f32",
    );
  }

  /** Rows of a matrix by index [K], [K, D]. */
  gatherRows(table: Hlo, index: Hlo): Hlo {
    const D = table.shape[1]!;
    const numbers =
      "dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], " +
      "start_index_map = [0], index_vector_dim = 1>";
    return this.op(
      `"stablehlo.gather"(${table.name}, ${index.name}) <{${numbers}, slice_sizes = array<i64: 1, ${D}>}>`,
      [table, index],
      [index.shape[0]!, D],
    );
  }

  /**
   * `base` with `updates` added: of each update the leading `indexed` axes of `base` by the index [K, indexed], the
   * others whole.
   */
  scatterAdd(base: Hlo, index: Hlo, updates: Hlo, indexed: number): Hlo {
    const axes = Array.from({ length: indexed }, (_, i) => i);
    const windows = base.shape.slice(indexed).map((_, i) => i + 1);
    const places = `inserted_window_dims = ${list(axes)}, scatter_dims_to_operand_dims = ${list(axes)}, index_vector_dim = 1`;
    const numbers = `#stablehlo.scatter<update_window_dims = ${list(windows)}, ${places}>`;
    const [left, right, sum] = [
      this.argument([], base.type),
      this.argument([], base.type),
      this.argument([], base.type),
    ];
    const scalar = tensorType(sum);
    const added = `${sum.name} = stablehlo.add ${names([left, right])} : ${scalar}`;
    const region = `({ ^bb0(${left.name}: ${scalar}, ${right.name}: ${scalar}): ${added} stablehlo.return ${sum.name} : ${scalar} })`;
    const options = `<{scatter_dimension_numbers = ${numbers}, indices_are_sorted = false, unique_indices = false}>`;
    return this.op(
      `"stablehlo.scatter"(${base.name}, ${index.name}, ${updates.name}) ${options} ${region}`,
      [base, index, updates],
      base.shape,
    );
  }

  /** The lines written so far, what they read first. */
  body(): string[] {
    const constant = ([key, { name, type }]: readonly [string, Hlo]): string =>
      `${name} = stablehlo.constant dense<${literal(key.split(" ")[0]!, type)}> : tensor<${type}>`;
    return [...[...this.#constants].map(constant), ...this.#lines];
  }

  /**
   * The module: a function of these arguments that returns these arrays.
   * @param overwritten which argument's memory a result takes: result by argument, both counted from 0
   */
  module(
    inputs: readonly Hlo[],
    outputs: readonly Hlo[],
    overwritten: ReadonlyMap<number, number> = new Map(),
  ): string {
    const argument = (input: Hlo, i: number): string => {
      const result = overwritten.get(i);
      const overwriting = result === undefined ? "" : ` {tf.aliasing_output = ${result} : i32}`;
      return `${input.name}: ${tensorType(input)}${overwriting}`;
    };
    return [
      "module @program {",
      `func.func public @main(${inputs.map(argument).join(", ")}) -> (${outputs.map(tensorType).join(", ")}) {`,
      ...this.body(),
      `return ${names(outputs)}${outputs.length > 0 ? " : " : ""}${types(outputs)}`,
      "}",
      "}",
    ].join("\n");
  }
}

/** A constant as text; floats by their bits. */
function literal(value: string, type: ElementType): string {
  if (type === "i1") return value === "0" ? "false" : "true";
  if (type === "i32" || type === "i64") return value;
  if (type === "f64") {
    const pattern = new BigUint64Array(Float64Array.of(Number(value)).buffer)[0]!;
    return `0x${pattern.toString(16).padStart(16, "0").toUpperCase()}`;
  }
  const bits = new Uint32Array(Float32Array.of(Number(value)).buffer)[0]!;
  return type === "f32"
    ? `0x${bits.toString(16).padStart(8, "0").toUpperCase()}`
    : `0x${(bits >>> 16).toString(16).padStart(4, "0").toUpperCase()}`;
}
