/** The learner's graphs: log-probs and entropies of responses, and what their gradients are. */
import { symbol } from "../graph/dims.ts";
import { gradient } from "../graph/gradient.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { entropy, gatherRows, mul, tokenLogProb } from "../graph/ops/index.ts";
import type { Parameters, VisionLanguageModel } from "../model/model.ts";
import { segmentInputs } from "../model/segments.ts";
import type { Output } from "./learner.ts";

/** Graph outputs cannot share a name with the parameters they are gradients of. */
const prefix = "gradient of ";

/** The input that an output is the gradient of; null for other outputs. */
export const gradientOf = (output: string): string | null => (output.startsWith(prefix) ? output.slice(prefix.length) : null);

/** Outputs by name, [M] each, M the predicted tokens. */
export function traceForward(model: VisionLanguageModel, graph: Graph, parameters: Parameters, outputs: readonly Output[]): void {
  const traced = traceOutputs(model, graph, parameters);
  for (const output of outputs) graph.output(output, traced[output]);
}

/** Outputs, and gradients of trained parameters and of visual features, from "cotangent.<output>" [M]. */
export function traceBackward(
  model: VisionLanguageModel,
  graph: Graph,
  parameters: Parameters,
  { outputs, trained, trainsVision }: { readonly outputs: readonly Output[]; readonly trained: ReadonlySet<string>; readonly trainsVision: boolean },
): void {
  const traced = traceOutputs(model, graph, parameters);
  const seeds = outputs.map((output) => {
    graph.output(output, traced[output]);
    return { value: traced[output], cotangent: graph.input(`cotangent.${output}`, [symbol("M")]) };
  });
  outputGradients(graph, seeds, (name) => trained.has(name) || (trainsVision && name === "features"));
}

/** Gradients of the vision tower's trained parameters from "cotangent.features" [F, hidden]. */
export function traceVisionBackward({ vision, decoder }: VisionLanguageModel, graph: Graph, parameters: Parameters, trained: ReadonlySet<string>): void {
  const value = vision.trace(graph, parameters);
  const cotangent = graph.input("cotangent.features", [symbol("F"), decoder.hiddenSize]);
  outputGradients(graph, [{ value, cotangent }], (name) => trained.has(name));
}

/** Hidden states where a token is predicted, and no logits elsewhere. */
function traceOutputs({ decoder }: VisionLanguageModel, graph: Graph, parameters: Parameters): Record<Output, Value> {
  const hidden = decoder.traceSegments(parameters, segmentInputs(graph, decoder, parameters));
  const M = symbol("M");
  const rows = gatherRows(hidden, graph.input("hidden.rows", [M], "int32"));
  // The temperature is applied to [M, hidden] rather than to [M, vocabulary].
  const logits = decoder.logits(parameters, mul(rows, graph.input("inverseTemperature", [1])));
  return { logProbs: tokenLogProb(logits, graph.input("targets", [M], "int32")), entropy: entropy(logits) };
}

function outputGradients(graph: Graph, seeds: readonly { readonly value: Value; readonly cotangent: Value }[], wanted: (input: string) => boolean): void {
  const wrt = [...graph.inputs].filter(([name]) => wanted(name));
  const gradients = gradient(seeds, wrt.map(([, value]) => value));
  wrt.forEach(([name], i) => graph.output(prefix + name, gradients[i] as Value));
}
