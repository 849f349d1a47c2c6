/** The learner's graphs: log-probs and entropies of responses, and what their gradients are. */
import { symbol } from "../../graph/dims.ts";
import { gradient } from "../../graph/gradient.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import {
  type ChunkedHead,
  chunkedHead,
  type Divergence,
  divergence,
  entropy,
  gatherRows,
  type HeadInput,
  mul,
  split,
  tokenLogProb,
} from "../../graph/ops/index.ts";
import { logits } from "../../graph/ops/linear.ts";
import { partsOf } from "../../model/attention-statistics.ts";
import type { Decoder, Parameters, SegmentInput, VisionLanguageModel } from "../../model/model.ts";
import { type RowLayout, segmentInputs } from "../../model/rows/inputs.ts";
import { attentionOf, type AttentionOutput } from "../attention-output.ts";
import type { Output } from "../learner.ts";
import { pictureSimilarity, traceAttention } from "./picture-graphs.ts";

/** Graph outputs cannot share a name with the parameters they are gradients of. */
const prefix = "gradient of ";

/** The output that is the gradient of an input. */
export const gradientName = (input: string): string => prefix + input;

/** The input that an output is the gradient of; null for other outputs. */
export const gradientOf = (output: string): string | null =>
  output.startsWith(prefix) ? output.slice(prefix.length) : null;

/** How the learner's graphs spend memory; results differ by rounding alone. */
export interface GraphOptions {
  /** Compute what is inside a layer again for the gradient. */
  readonly recompute: boolean;
  readonly layout: RowLayout;
  /** Tokens of the vocabulary whose logits exist at a time; a smaller vocabulary goes in one piece. */
  readonly vocabularyChunk: number;
  /** What divergences are from; absent where none is asked for. */
  readonly other?: OtherHead;
  /** Some prompts change what attention reads (EncodedPrompt.values). Default false. */
  readonly changesValues?: boolean;
}

/**
 * The head of the other side of divergences, which is fed: "against.head" [vocabulary, hiddenSize], and with it
 * "against.hidden" [M, hiddenSize].
 */
export interface OtherHead {
  readonly vocabulary: number;
  readonly hiddenSize: number;
}

/** Hidden states where a token is predicted, "hidden" [M, hidden]. */
export function traceHidden(
  { decoder }: VisionLanguageModel,
  graph: Graph,
  parameters: Parameters,
  options: GraphOptions,
): void {
  const { hidden } = decoder.traceSegments(
    parameters,
    segmentInputs(graph, decoder, parameters, { ...options, recompute: false }),
  );
  graph.output("hidden", gatherRows(hidden, graph.input("hidden.rows", [symbol("M")], "int32")));
}

/** Outputs by name, [M] each, M the predicted tokens. */
export function traceForward(
  model: VisionLanguageModel,
  graph: Graph,
  parameters: Parameters,
  outputs: readonly Output[],
  options: GraphOptions,
): void {
  const traced = traceOutputs(model, graph, parameters, outputs, { ...options, recompute: false });
  for (const [output, value] of traced) graph.output(output, value);
}

/** Outputs, and gradients of trained parameters and of visual features, from "cotangent.<output>" [M]. */
export function traceBackward(
  model: VisionLanguageModel,
  graph: Graph,
  parameters: Parameters,
  {
    outputs,
    trained,
    trainsVision,
  }: { readonly outputs: readonly Output[]; readonly trained: ReadonlySet<string>; readonly trainsVision: boolean },
  options: GraphOptions,
): void {
  const seeds = [...traceOutputs(model, graph, parameters, outputs, options)].map(([output, value]) => {
    graph.output(output, value);
    return { value, cotangent: graph.input(`cotangent.${output}`, [symbol("M")]) };
  });
  outputGradients(graph, seeds, (name) => trained.has(name) || (trainsVision && name === "features"));
}

/**
 * Gradients of the vision tower's trained parameters from "cotangent.features" [F, featureWidth]; recomputing, "one"
 * [1] is fed as 1.
 */
export function traceVisionBackward(
  { vision }: VisionLanguageModel,
  graph: Graph,
  parameters: Parameters,
  trained: ReadonlySet<string>,
  { recompute, inBlocks }: { readonly recompute: boolean; readonly inBlocks: boolean },
): void {
  const value = vision.trace(graph, parameters, { one: recompute ? graph.input("one", [1]) : null, inBlocks });
  const cotangent = graph.input("cotangent.features", value.shape);
  outputGradients(graph, [{ value, cotangent }], (name) => trained.has(name));
}

/** Hidden states where a token is predicted, no logits elsewhere, and of them what is asked for. */
function traceOutputs(
  { decoder }: VisionLanguageModel,
  graph: Graph,
  parameters: Parameters,
  outputs: readonly Output[],
  options: GraphOptions,
): Map<Output, Value> {
  const segments = segmentInputs(graph, decoder, parameters, options);
  const traced = decoder.traceSegments(parameters, segments, watchedLayers(outputs, decoder));
  const picture = { ...traced, graph, decoder, segments };
  const M = symbol("M");
  const rows = gatherRows(traced.hidden, graph.input("hidden.rows", [M], "int32")); // [M, hidden]
  let tracedHead: ChunkedHead | null = null;
  // The temperature is applied to [M, hidden] rather than to [M, vocabulary].
  const inputs = new Map<string, Value>();
  const input = (name: string, shape: Value["shape"]): Value =>
    inputs.get(name) ?? inputs.set(name, graph.input(name, shape)).get(name)!;
  const scaled = (x: Value): Value => mul(x, input("inverseTemperature", [1]));
  const head = (): ChunkedHead => (tracedHead ??= traceHead(scaled(rows), decoder.head(parameters), segments, options));
  const divergenceOf = (kind: Divergence) => (): Value => {
    const { vocabulary, hiddenSize } = otherHead(options);
    const other = {
      hidden: scaled(input("against.hidden", [M, hiddenSize])),
      weight: input("against.head", [vocabulary, hiddenSize]),
    };
    return traceDivergence(kind, { hidden: scaled(rows), weight: decoder.head(parameters) }, other, segments, options);
  };
  const trace: Record<Exclude<Output, AttentionOutput>, () => Value> = {
    logProbs: () => head().logProb(graph.input("targets", [M], "int32")),
    entropy: () => head().entropy(),
    pictureSimilarity: () => pictureSimilarity(picture),
    kl: divergenceOf("kl"),
    reverseKl: divergenceOf("reverseKl"),
    jsd: divergenceOf("jsd"),
  };
  const traceOne = (output: Output): Value => {
    const attention = attentionOf(output);
    return attention === null ? trace[output as keyof typeof trace]() : traceAttention(attention, picture);
  };
  return new Map(outputs.map((output) => [output, traceOne(output)]));
}

/** Layers whose attention to visual tokens some output is made of. */
function watchedLayers(outputs: readonly Output[], decoder: Decoder): ReadonlySet<number> {
  const statistics = outputs.map(attentionOf).filter((statistic) => statistic?.kind === "pictureAttention");
  return new Set(statistics.flatMap((statistic) => partsOf(statistic!, decoder).layers));
}

/** Log-probs and entropies from [M, hidden] and [vocabulary, hidden]. */
function traceHead(
  hidden: Value,
  weight: Value,
  { one }: SegmentInput,
  { vocabularyChunk }: GraphOptions,
): ChunkedHead {
  const vocabulary = weight.shape[0] as number;
  if (vocabulary > vocabularyChunk) return chunkedHead(hidden, weight, { chunk: vocabularyChunk, one });
  const scores = logits(hidden, weight);
  return { logProb: (targets) => tokenLogProb(scores, targets), entropy: () => entropy(scores) };
}

function otherHead({ other }: GraphOptions): OtherHead {
  if (other === undefined) throw new Error("a divergence needs the head of its other side");
  return other;
}

/** Over the tokens that both vocabularies have: of one tokenizer, models pad theirs to different sizes. */
function traceDivergence(
  kind: Divergence,
  own: HeadInput,
  other: HeadInput,
  { one }: SegmentInput,
  { vocabularyChunk }: GraphOptions,
): Value {
  const shared = Math.min(own.weight.shape[0] as number, other.weight.shape[0] as number);
  const cut = ({ hidden, weight }: HeadInput): HeadInput => {
    const all = weight.shape[0] as number;
    return { hidden, weight: all === shared ? weight : (split(weight, [shared, all - shared], 0)[0] as Value) };
  };
  return divergence(kind, cut(own), cut(other), { chunk: vocabularyChunk, one });
}

function outputGradients(
  graph: Graph,
  seeds: readonly { readonly value: Value; readonly cotangent: Value }[],
  wanted: (input: string) => boolean,
): void {
  const wrt = [...graph.inputs].filter(([name]) => wanted(name));
  const gradients = gradient(
    seeds,
    wrt.map(([, value]) => value),
  );
  wrt.forEach(([name], i) => graph.output(gradientName(name), gradients[i] as Value));
}
