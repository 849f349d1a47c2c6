/** A segment at some sizes as StableHLO, and what its arguments and results are. */
import type { Shape } from "../../dims.ts";
import { inputOp, type Value } from "../../graph.ts";
import { lowerNodes } from "../lowering.ts";
import { commonModule, eachModule } from "../modules.ts";
import type { ElementType } from "../client/pjrt-functions.ts";
import type { Mesh, PlacedArray, Placement } from "../placement.ts";
import type { Segment } from "./segments.ts";
import { type Hlo, HloWriter } from "../writer.ts";

export interface SegmentSetting {
  readonly sizes: (shape: Shape) => number[];
  /** Of matrix products' factors. */
  readonly products: "f32" | "bf16";
  /** What a value that others computed is made of. */
  readonly typeOf: (value: Value) => ElementType;
  readonly mesh: Mesh;
  /** How a value lies that others computed or that is fed. */
  readonly placementOf: (value: Value) => Placement;
  /** Every device computes with arrays of its own: what is computed is its own too, and sums are of all devices. */
  readonly each: boolean;
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
  readonly results: readonly PlacedArray[];
  /** After the segment's inputs: outputs whose sums so far are further arguments. */
  readonly sums: readonly string[];
  /** Which result a value is that other segments read, and which each of the graph's outputs that are computed here. */
  readonly passed: ReadonlyMap<Value, number>;
  readonly outputs: ReadonlyMap<string, number>;
}

export function segmentProgram(segment: Segment, setting: SegmentSetting): SegmentProgram {
  const { sizes, products, typeOf } = setting;
  const hlo = new HloWriter();
  const given = segment.inputs.map((value) => hlo.argument(sizes(value.shape), typeOf(value)));
  // Inputs of the graph are float32, those kept in bfloat16 are widened where they are read.
  const read = (value: Value, array: Hlo): Hlo =>
    value.node.op.name === inputOp.name && array.type === "bf16" ? hlo.convert(array, "f32") : array;
  const values = new Map<Value, Hlo>(segment.inputs.map((value, i) => [value, read(value, given[i]!)]));
  const lowered = (value: Value): Hlo => values.get(value)!;
  lowerNodes(hlo, segment.nodes, values, { sizes, products });
  return finish(hlo, segment, { given, lowered }, setting);
}

function finish(
  hlo: HloWriter,
  segment: Segment,
  { given, lowered }: { readonly given: readonly Hlo[]; readonly lowered: (value: Value) => Hlo },
  setting: SegmentSetting,
): SegmentProgram {
  const { mesh, each, placementOf } = setting;
  const results: Hlo[] = [];
  const overwritten = new Map<number, number>();
  const passed = new Map(segment.passed.map((value) => [value, results.push(lowered(value)) - 1]));
  const sums = segment.outputs.filter((name) => setting.sums.has(name));
  const sizesOf = (name: string): number[] => setting.sizes(setting.outputs.get(name)!.shape);
  const sumArguments = each ? [] : sums.map((name) => hlo.argument(sizesOf(name), "f32"));
  const outputs = new Map<string, number>();
  for (const name of segment.outputs) {
    const value = setting.outputs.get(name)!;
    const array = lowered(value);
    const result = array.type === "bf16" ? hlo.convert(array, "f32") : array;
    const sum = sums.indexOf(name);
    const known = passed.get(value);
    if (sum >= 0) {
      outputs.set(name, results.push(each ? result : hlo.map("add", sumArguments[sum]!, result)) - 1);
      overwritten.set(segment.inputs.length + sum, outputs.get(name)!);
      continue;
    }
    outputs.set(name, known !== undefined && result === array ? known : results.push(result) - 1);
    const replaced = setting.replaced.get(name);
    if (replaced !== undefined && segment.inputs.includes(replaced))
      overwritten.set(segment.inputs.indexOf(replaced), outputs.get(name)!);
  }
  const placed = placements(results, { each, sums, outputs }, setting);
  const inputs = segment.inputs.map((value, i) => ({ array: given[i]!, placement: placementOf(value) }));
  const written = setting.inPlace ? overwritten : new Map<number, number>();
  const summed = new Map(sums.map((name) => [outputs.get(name)!, mesh.kept(sizesOf(name))]));
  const added = sumArguments.map((array) => ({ array, placement: mesh.kept(array.shape) }));
  const text = each
    ? eachModule(hlo, mesh, { inputs, results, summed, overwritten: written })
    : commonModule(
        hlo,
        mesh,
        [...inputs, ...added],
        results.map((array, i) => ({ array, placement: placed[i]! })),
        written,
      );
  return {
    text,
    results: results.map(({ shape, type }, i) => ({ shape, type, placement: placed[i]! })),
    sums,
    passed,
    outputs,
  };
}

/**
 * How results lie: what comes back by its shape, what later segments read as a copy on each device, or each one's own.
 */
function placements(
  results: readonly Hlo[],
  {
    each,
    sums,
    outputs,
  }: { readonly each: boolean; readonly sums: readonly string[]; readonly outputs: ReadonlyMap<string, number> },
  { mesh, outputs: values }: SegmentSetting,
): Placement[] {
  const placed = results.map((): Placement => (each ? "own" : "whole"));
  for (const [name, at] of outputs) {
    const { shape } = values.get(name)!;
    if (!each) placed[at] = mesh.returned(shape, results[at]!.shape);
    else if (sums.includes(name)) placed[at] = mesh.kept(results[at]!.shape);
  }
  return placed;
}
