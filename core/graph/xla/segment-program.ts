/** A segment at some sizes as StableHLO, and what its arguments and results are. */
import type { Shape } from "../dims.ts";
import type { Value } from "../graph.ts";
import { lowerings } from "./lowering.ts";
import type { ArrayType } from "./pjrt-functions.ts";
import type { ElementType } from "./pjrt-functions.ts";
import type { Segment } from "./segments.ts";
import { type Hlo, HloWriter } from "./writer.ts";

export interface SegmentSetting {
  readonly sizes: (shape: Shape) => number[];
  /** Of matrix products' factors. */
  readonly products: "f32" | "bf16";
  /** What a value that others computed is made of. */
  readonly typeOf: (value: Value) => ElementType;
  /** The graph's outputs. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** Names of outputs that are added to an argument. */
  readonly sums: ReadonlySet<string>;
  /** Inputs whose memory an output takes, by output. */
  readonly replaced: ReadonlyMap<string, Value>;
  /** Write over the arrays of `sums` and `replaced`; false: leave them alone, at the price of a copy. */
  readonly inPlace: boolean;
}

export interface SegmentProgram {
  readonly text: string;
  readonly results: readonly ArrayType[];
  /** After the segment's inputs: outputs whose sums so far are further arguments. */
  readonly sums: readonly string[];
  /** Which result a value is that other segments read, and which each of the graph's outputs that are computed here. */
  readonly passed: ReadonlyMap<Value, number>;
  readonly outputs: ReadonlyMap<string, number>;
}

export function segmentProgram(segment: Segment, setting: SegmentSetting): SegmentProgram {
  const { sizes, products, typeOf } = setting;
  const hlo = new HloWriter();
  const values = new Map<Value, Hlo>(
    segment.inputs.map((value) => [value, hlo.argument(sizes(value.shape), typeOf(value))]),
  );
  const lowered = (value: Value): Hlo => values.get(value)!;
  for (const node of segment.nodes) {
    hlo.locate(node.op.name);
    const results = lowerings[node.op.name]!({ hlo, node, inputs: node.inputs.map(lowered), sizes, products });
    node.outputs.forEach((value, i) => values.set(value, results[i]!));
  }
  return finish(hlo, segment, lowered, setting);
}

function finish(
  hlo: HloWriter,
  segment: Segment,
  lowered: (value: Value) => Hlo,
  setting: SegmentSetting,
): SegmentProgram {
  const results: Hlo[] = [];
  const overwritten = new Map<number, number>();
  const passed = new Map(segment.passed.map((value) => [value, results.push(lowered(value)) - 1]));
  const sums = segment.outputs.filter((name) => setting.sums.has(name));
  const sumArguments = sums.map((name) => hlo.argument(setting.sizes(setting.outputs.get(name)!.shape), "f32"));
  const outputs = new Map<string, number>();
  for (const name of segment.outputs) {
    const value = setting.outputs.get(name)!;
    const array = lowered(value);
    const result = array.type === "bf16" ? hlo.convert(array, "f32") : array;
    const sum = sums.indexOf(name);
    const known = passed.get(value);
    if (sum >= 0) {
      outputs.set(name, results.push(hlo.map("add", sumArguments[sum]!, result)) - 1);
      overwritten.set(segment.inputs.length + sum, outputs.get(name)!);
      continue;
    }
    outputs.set(name, known !== undefined && result === array ? known : results.push(result) - 1);
    const replaced = setting.replaced.get(name);
    if (replaced !== undefined && segment.inputs.includes(replaced))
      overwritten.set(segment.inputs.indexOf(replaced), outputs.get(name)!);
  }
  const text = hlo.module(
    [...segment.inputs.map(lowered), ...sumArguments],
    results,
    setting.inPlace ? overwritten : new Map(),
  );
  return { text, results: results.map(({ shape, type }) => ({ shape, type })), sums, passed, outputs };
}
