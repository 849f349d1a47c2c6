/** Recording a graph of a model from the shapes of its parameters: no weights are needed. */
import { Graph, type Value } from "../graph/graph.ts";
import type { Passes } from "../graph/passes.ts";
import { type Adapter, dropoutKeyName, factorNames } from "./lora/adapter.ts";
import type { Parameters, ParameterShapes } from "./model.ts";

/** Records a graph of the model. */
export type TraceModel = (graph: Graph, parameters: Parameters) => void;

export interface TraceOptions {
  /** Of the model and of its adapters. */
  readonly parameters: ParameterShapes;
  readonly adapters: readonly Adapter[];
  readonly passes: Passes;
  /** Whether the trained adapter drops what it is told to. */
  readonly dropout?: boolean;
}

export interface TracedModel {
  readonly graph: Graph;
  /** Names of the parameters that the graph reads. */
  readonly parameters: readonly string[];
}

/** `trace` gets parameters as inputs of the graph, adapters on them. */
export function traceModel(
  { parameters: shapes, adapters, passes, dropout = false }: TraceOptions,
  trace: TraceModel,
): TracedModel {
  const graph = new Graph(passes);
  const used = new Map<string, Value>();
  const input = (name: string): Value => {
    const shape = shapes.get(name);
    if (!shape) throw new Error(`the model has no parameter "${name}"`);
    const value = used.get(name) ?? graph.input(name, shape);
    used.set(name, value);
    return value;
  };
  const parameters = (name: string): Value => {
    const value = input(name);
    if (graph.lowRank.has(value)) return value;
    const updates = adapters.flatMap((adapter) => {
      const adapted = adapter.weights.get(name);
      if (adapted === undefined) return [];
      const { a, b } = factorNames(name, adapter.name);
      const drops = dropout && adapter.name === "" && adapter.dropout > 0;
      return [
        {
          a: input(a),
          b: input(b),
          scale: adapted.scale,
          dropout: drops ? { key: graph.input(dropoutKeyName(name), [2], "int32"), rate: adapter.dropout } : null,
        },
      ];
    });
    if (updates.length > 0) graph.lowRank.set(value, updates);
    return value;
  };
  trace(graph, parameters);
  return { graph, parameters: [...used.keys()] };
}
