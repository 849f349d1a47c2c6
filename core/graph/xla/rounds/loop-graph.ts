/** A graph that is run in rounds, taken apart: what is computed before the first round, and what in each of them. */
import type { LoopOptions } from "../../executor.ts";
import { type Graph, inputOp, liveNodes, type Node, type Value } from "../../graph.ts";
import type { Executables } from "../client/executables.ts";
import type { Held, Memory } from "../client/memory.ts";
import type { Placed } from "../modules.ts";
import type { ElementType } from "../client/pjrt-functions.ts";
import type { PlacedArray } from "../placement.ts";
import type { Hlo, HloWriter } from "../writer.ts";

export interface LoopSetting {
  readonly memory: Memory;
  readonly executables: Executables;
  readonly products: "f32" | "bf16";
}

/** An input that each round gets from the one before it. */
export interface Carried {
  readonly name: string;
  readonly input: Value;
  readonly output: Value;
  /** In which it is kept between rounds: floats in the products' type. */
  readonly type: ElementType;
}

export class LoopGraph {
  readonly graph: Graph;
  readonly parts: readonly (readonly [name: string, value: Value])[];
  readonly carried: readonly Carried[];
  /** Outputs that come back of every round. */
  readonly collected: readonly (readonly [name: string, value: Value])[];
  /** Nodes that are computed before the first round, and those of each round. */
  readonly before: readonly Node[];
  readonly each: readonly Node[];
  /** What rounds read of the nodes before them and of inputs that do not change. */
  readonly constant: readonly Value[];

  constructor(graph: Graph, { parts, carried }: LoopOptions, products: "f32" | "bf16") {
    this.graph = graph;
    const input = (name: string): Value => graph.inputs.get(name)!;
    this.parts = parts.map((name) => [name, input(name)]);
    this.carried = Object.entries(carried).map(([name, output]) => ({
      name,
      input: input(name),
      output: graph.outputs.get(output)!,
      type: input(name).dtype === "int32" ? "i32" : products,
    }));
    this.collected = [...graph.outputs].filter(([name]) => !Object.values(carried).includes(name));
    const changing = new Set([...parts, ...Object.keys(carried)].map((name) => input(name).node));
    const nodes = liveNodes(graph);
    for (const node of nodes) if (node.inputs.some((value) => changing.has(value.node))) changing.add(node);
    const computing = nodes.filter(({ op }) => op.name !== inputOp.name);
    this.each = computing.filter((node) => changing.has(node));
    this.before = computing.filter((node) => !changing.has(node));
    this.constant = [...new Set(this.each.flatMap(({ inputs }) => inputs).filter(({ node }) => !changing.has(node)))];
  }
}

/** What rounds are run on. */
export interface RoundArrays {
  /** Sizes of all named ones. */
  readonly symbols: ReadonlyMap<string, number>;
  /** `LoopGraph.constant`, held by the caller. */
  readonly constant: ReadonlyMap<Value, Held>;
  /** Of `LoopGraph.parts`, with the number of rounds in front; held by the caller. */
  readonly parts: readonly Held[];
  /** Of `LoopGraph.carried`; taken over. */
  readonly carried: readonly Held[];
}

/** A form in which rounds are run. */
export interface Rounds {
  /** `LoopGraph.carried` after the last round, and `LoopGraph.collected` of all, [rounds, …]. */
  run(rounds: number, arrays: RoundArrays): { readonly carried: readonly Held[]; readonly collected: readonly Held[] };
  release(): void;
}

/** A round's row of what comes back of each, [rounds, …], written into those so far. */
export function writeRow(hlo: HloWriter, { into, row, round }: { into: Hlo; row: Hlo; round: Hlo }): Hlo {
  const number = hlo.convert(row, "f32");
  return hlo.write(into, hlo.reshape(number, [1, ...number.shape]), round, 0);
}

export const typeOf = ({ array: { shape, type }, placement }: Placed): PlacedArray => ({ shape, type, placement });

/** Equal for arrays that one program can be run on. */
export const typeText = ({ shape, type, placement }: PlacedArray): string => `${type}${shape.join("x")}@${placement}`;
