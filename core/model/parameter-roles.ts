/** What a model's graphs do with its parameters, found by tracing them: no family has to say it. */
import { Graph, inputOp, type Node, type Value } from "../graph/graph.ts";
import type { Parameters, VisionLanguageModel } from "./model.ts";
import { prefixInputs } from "./rows/inputs.ts";

export interface ParameterRoles {
  /** What the vision tower reads. */
  readonly vision: ReadonlySet<string>;
  /** Weights [out, in] of linear layers, of vision tower and decoder; no embedding, no convolution and not the head. */
  readonly linear: ReadonlySet<string>;
}

export function parameterRoles(model: VisionLanguageModel): ParameterRoles {
  const vision = traced(model, (graph, parameters) => void model.vision.trace(graph, parameters));
  const decoder = traced(
    model,
    (graph, parameters) => void model.decoder.tracePrefix(parameters, prefixInputs(graph, model.decoder, parameters)),
  );
  return { vision: new Set(vision.read), linear: new Set([...vision.linear, ...decoder.linear]) };
}

/** Names of the parameters that a graph reads, and of those that it multiplies rows with. */
function traced(
  model: VisionLanguageModel,
  trace: (graph: Graph, parameters: Parameters) => void,
): { readonly read: readonly string[]; readonly linear: readonly string[] } {
  const graph = new Graph();
  const nameOf = new Map<Node, string>();
  const parameters: Parameters = (name) => {
    const value: Value = graph.inputs.get(name) ?? graph.input(name, model.parameters.get(name)!);
    nameOf.set(value.node, name);
    return value;
  };
  trace(graph, parameters);
  const weights = graph.nodes.flatMap(({ op, inputs }) =>
    op.name === "linear" && inputs[1]?.node.op.name === inputOp.name ? [nameOf.get(inputs[1].node)!] : [],
  );
  return { read: [...nameOf.values()], linear: weights };
}
