/** Rounds as one program: a `while` whose body is the whole graph, what it carries written in place. */
import type { Value } from "../../graph.ts";
import type { LoadedProgram } from "../client/executables.ts";
import { lowerNodes } from "../lowering.ts";
import {
  type LoopGraph,
  type LoopSetting,
  type RoundArrays,
  type Rounds,
  typeOf,
  typeText,
  writeRow,
} from "./loop-graph.ts";
import type { Held } from "../client/memory.ts";
import { commonModule, type Placed } from "../modules.ts";
import type { PlacedArray } from "../placement.ts";
import { sizesIn } from "../sizes.ts";
import { type Hlo, HloWriter } from "../writer.ts";

export class WholeRounds implements Rounds {
  readonly #graph: LoopGraph;
  readonly #setting: LoopSetting;
  readonly #programs = new Map<string, LoadedProgram>();

  constructor(graph: LoopGraph, setting: LoopSetting) {
    this.#graph = graph;
    this.#setting = setting;
  }

  run(rounds: number, arrays: RoundArrays): { carried: Held[]; collected: Held[] } {
    try {
      const results = this.#setting.memory.run(this.#program(rounds, arrays), given(arrays));
      const { length } = this.#graph.carried;
      return { carried: results.slice(0, length), collected: results.slice(length) };
    } finally {
      for (const array of arrays.carried) array.release();
    }
  }

  release(): void {
    for (const program of this.#programs.values()) this.#setting.executables.release(program);
    this.#programs.clear();
  }

  #program(rounds: number, arrays: RoundArrays): LoadedProgram {
    const alone = arrays.carried.map((array) => Number(array.isAlone())).join("");
    const key = `${rounds} ${alone} ${given(arrays).map(typeText).join(" ")}`;
    const known = this.#programs.get(key);
    this.#setting.executables.ran(known !== undefined);
    if (known !== undefined) return known;
    const { text, results } = this.#text(rounds, arrays);
    const program = this.#setting.executables.get(text, results);
    this.#programs.set(key, program);
    return program;
  }

  #text(rounds: number, arrays: RoundArrays): { text: string; results: PlacedArray[] } {
    const { products, memory } = this.#setting;
    const { parts, carried, collected, each } = this.#graph;
    const sizes = sizesIn(arrays.symbols);
    const hlo = new HloWriter();
    const constant = [...arrays.constant].map(
      ([value, { shape, type }]) => [value, hlo.argument(shape, type)] as const,
    );
    const changing = [...arrays.parts, ...arrays.carried].map(({ shape, type }) => hlo.argument(shape, type));
    const empty = collected.map(([, { shape }]) => hlo.filled(0, [rounds, ...sizes(shape)]));
    const begun = changing.map((value, i) =>
      i < parts.length ? value : hlo.convert(value, carried[i - parts.length]!.type),
    );
    const state = [...constant.map(([, value]) => value), ...begun, ...empty];
    const final = hlo.rounds(rounds, state, (inner, place, now) => {
      const values = new Map<Value, Hlo>(constant.map(([value], i) => [value, now[i]!]));
      const fed = now.slice(constant.length, constant.length + changing.length);
      parts.forEach(([, value], i) => values.set(value, inner.part(fed[i]!, place)));
      carried.forEach(({ input }, i) => values.set(input, fed[parts.length + i]!));
      lowerNodes(inner, each, values, { sizes, products });
      const next = carried.map(({ output, type }) => inner.convert(values.get(output)!, type));
      const rows = collected.map(([, output], i) => {
        const into = now[constant.length + changing.length + i]!;
        return writeRow(inner, { into, row: values.get(output)!, round: place });
      });
      return [...now.slice(0, constant.length + parts.length), ...next, ...rows];
    });
    const results = final.slice(constant.length + parts.length);
    // What is carried is cut by rows; what comes back to the host is a copy on each device.
    const placed = results.map((array, i): Placed => ({
      array,
      placement: i < carried.length ? memory.mesh.rows(array.shape) : "whole",
    }));
    const overwritten = new Map<number, number>();
    arrays.carried.forEach((array, i) => {
      const stays = array.type === carried[i]!.type && array.placement === placed[i]!.placement;
      if (array.isAlone() && stays) overwritten.set(constant.length + parts.length + i, i);
    });
    const inputs = given(arrays).map(({ placement }, i) => ({
      array: [...constant.map(([, value]) => value), ...changing][i]!,
      placement,
    }));
    return { text: commonModule(hlo, memory.mesh, inputs, placed, overwritten), results: placed.map(typeOf) };
  }
}

const given = ({ constant, parts, carried }: RoundArrays): Held[] => [...constant.values(), ...parts, ...carried];
