/** Programs for all devices: annotations from which OpenXLA makes the transfers between them (Shardy). */
import type { Mesh, Placement } from "./placement.ts";
import { type Hlo, type HloWriter, tensorType } from "./writer.ts";

const axes = (rank: number, cut: number): string =>
  Array.from({ length: rank }, (_, axis) => (axis === cut ? '{"d"}' : "{}")).join(", ");

/** What Shardy is told of an array. */
function shardingText({ shape }: Pick<Hlo, "shape">, placement: Placement): string {
  if (placement === "whole") return `<@mesh, [${axes(shape.length, -1)}]>`;
  if (placement === "own") return `<@mesh, [${axes(shape.length + 1, 0)}]>`;
  return `<@mesh, [${axes(shape.length, placement)}]>`;
}

/** The type of an argument or a result and how it lies. @param result whose memory it is */
function annotated(mesh: Mesh, { array, placement }: Placed, result?: number): string {
  const overwriting = result === undefined ? "" : `, tf.aliasing_output = ${result} : i32`;
  return `${tensorType({ shape: mesh.all(array.shape, placement), type: array.type })} {sdy.sharding = #sdy.sharding${shardingText(array, placement)}${overwriting}}`;
}

/** What a program that runs on each device with arrays of its own is made of. */
export interface EachProgram {
  /** Arguments, as the lines of the writer name them. */
  readonly inputs: readonly Placed[];
  /**
   * What each device computes; those of `summed` are added up over the devices, and to an argument of that placement.
   */
  readonly results: readonly Hlo[];
  readonly summed: ReadonlyMap<number, Placement>;
  /** Result by argument whose memory it takes; the sums' arguments come after `inputs`, in the order of `summed`. */
  readonly overwritten: ReadonlyMap<number, number>;
}

/**
 * A module in which every device runs the lines that `hlo` has on its own arrays; those that lie in parts come together
 * before, and results that are summed are added up over the devices and scattered again: what fully sharded data
 * parallel training does.
 */
export function eachModule(hlo: HloWriter, mesh: Mesh, program: EachProgram): string {
  const { results, summed, overwritten } = program;
  const inputs = program.inputs.map(({ array }) => array);
  const placements = program.inputs.map(({ placement }) => placement);
  const own = ({ shape, type }: Hlo): Pick<Hlo, "shape" | "type"> => ({ shape: [1, ...shape], type });
  const all = ({ shape, type }: Hlo, placement: Placement): string =>
    tensorType({ shape: mesh.all(shape, placement), type });
  const sums = [...summed];
  const sumArguments = sums.map(([result, placement], i) => ({ name: `%sum${i}`, array: results[result]!, placement }));
  const given = [
    ...inputs.map(
      (array, i) => `%given${i}: ${annotated(mesh, { array, placement: placements[i]! }, overwritten.get(i))}`,
    ),
    ...sumArguments.map(
      ({ name, ...sum }, i) => `${name}: ${annotated(mesh, sum, overwritten.get(inputs.length + i))}`,
    ),
  ];
  const returned = results.map((array, i) => annotated(mesh, { array, placement: summed.get(i) ?? "own" }));
  const inner = inputs.map((input, i) =>
    placements[i] === "own" ? `%own${i}: ${tensorType(own(input))}` : `${input.name}: ${tensorType(input)}`,
  );
  const reshaped = (
    to: string,
    from: string,
    before: Pick<Hlo, "shape" | "type">,
    after: Pick<Hlo, "shape" | "type">,
  ): string => `${to} = stablehlo.reshape ${from} : (${tensorType(before)}) -> ${tensorType(after)}`;
  const body = [
    ...inputs.flatMap((input, i) =>
      placements[i] === "own" ? [reshaped(input.name, `%own${i}`, own(input), input)] : [],
    ),
    ...hlo.body(),
    ...results.map((result, i) => reshaped(`%each${i}`, result.name, result, own(result))),
    `sdy.return ${results.map((_, i) => `%each${i}`).join(", ")} : ${results.map((result) => tensorType(own(result))).join(", ")}`,
  ];
  const inShardings = inputs
    .map((input, i) => shardingText(input, placements[i] === "own" ? "own" : "whole"))
    .join(", ");
  const outShardings = results.map((result) => shardingText(result, "own")).join(", ");
  const outer = [
    `%all:${results.length} = sdy.manual_computation(${inputs.map((_, i) => `%given${i}`).join(", ")}) in_shardings=[${inShardings}] ` +
      `out_shardings=[${outShardings}] manual_axes={"d"} (${inner.join(", ")}) {`,
    ...body,
    `} : (${inputs.map((input, i) => all(input, placements[i]!)).join(", ")}) -> (${results.map((result) => all(result, "own")).join(", ")})`,
    ...(sums.length === 0 ? [] : ["%nothing = stablehlo.constant dense<0.0> : tensor<f32>"]),
    ...sums.flatMap(([result], i) => {
      const type = tensorType(results[result]!);
      return [
        `%total${i} = stablehlo.reduce(%all#${result} init: %nothing) applies stablehlo.add across dimensions = [0] ` +
          `: (${all(results[result]!, "own")}, tensor<f32>) -> ${type}`,
        `%added${i} = stablehlo.add %sum${i}, %total${i} : ${type}`,
      ];
    }),
  ];
  const returns = results.map((_, i) => {
    const sum = sums.findIndex(([result]) => result === i);
    return sum < 0 ? `%all#${i}` : `%added${sum}`;
  });
  return [
    moduleHead(mesh),
    `func.func public @main(${given.join(", ")}) -> (${returned.join(", ")}) {`,
    ...outer,
    `return ${returns.join(", ")} : ${results.map((result, i) => all(result, summed.get(i) ?? "own")).join(", ")}`,
    "}",
    "}",
  ].join("\n");
}

/** How a module for several devices begins. */
const moduleHead = ({ devices }: Mesh): string =>
  `module @program attributes {mhlo.num_partitions = ${devices} : i32, mhlo.num_replicas = 1 : i32} {\nsdy.mesh @mesh = <["d"=${devices}]>`;

/**
 * A module of arrays that all devices have in common, in parts or as copies: OpenXLA divides the work by how arguments
 * and results lie.
 * @param overwritten which argument's memory a result takes: result by argument
 */
export function commonModule(
  hlo: HloWriter,
  mesh: Mesh,
  inputs: readonly Placed[],
  outputs: readonly Placed[],
  overwritten: ReadonlyMap<number, number> = new Map(),
): string {
  if (mesh.devices === 1)
    return hlo.module(
      inputs.map(({ array }) => array),
      outputs.map(({ array }) => array),
      overwritten,
    );
  const argument = (input: Placed, i: number): string =>
    `${input.array.name}: ${annotated(mesh, input, overwritten.get(i))}`;
  const names = outputs.map(({ array }) => array.name).join(", ");
  return [
    moduleHead(mesh),
    `func.func public @main(${inputs.map(argument).join(", ")}) -> (${outputs.map((output) => annotated(mesh, output)).join(", ")}) {`,
    ...hlo.body(),
    `return ${names}${outputs.length > 0 ? " : " : ""}${outputs.map(({ array }) => tensorType(array)).join(", ")}`,
    "}",
    "}",
  ].join("\n");
}

/** An array of the program that is being written, and how it lies. */
export interface Placed {
  readonly array: Hlo;
  readonly placement: Placement;
}
