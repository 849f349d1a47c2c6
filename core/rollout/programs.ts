/** The two graphs of sampling: prompts to a cache and the first token's distribution, newest tokens to the next ones'. */
import { plus, symbol, times } from "../graph/dims.ts";
import type { FloatArray, HostArray } from "../graph/executor.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { gatherRows, mul, reshape, softmax } from "../graph/ops/index.ts";
import { logits } from "../graph/ops/matmul.ts";
import type { KeyValue, Parameters, VisionLanguageModel } from "../model/model.ts";
import type { ModelProgram, ModelRuntime } from "../model/runtime.ts";
import { prefixInputs } from "../model/rows/segments.ts";
import { cacheNames } from "./cache.ts";

type Feeds = Readonly<Record<string, HostArray>>;
type Trace = (graph: Graph, parameters: Parameters, model: VisionLanguageModel) => void;

/** A program of the runtime's model, compiled at its first run, on the runtime's current weights. */
export type LazyProgram = (feeds: Feeds) => Promise<Record<string, FloatArray>>;

export const lazyProgram = (runtime: ModelRuntime, trace: Trace): LazyProgram => {
  let compiled: Promise<ModelProgram> | null = null;
  return async (feeds) => {
    compiled ??= runtime.compile((graph, parameters) => trace(graph, parameters, runtime.model));
    return runtime.run(await compiled, feeds);
  };
};

/** The same for a program that is run for every token: with the weights inside, unless they are on a device already. */
export const boundProgram = (runtime: ModelRuntime, trace: Trace): LazyProgram =>
  runtime.executor.device === undefined ? runtime.bind((graph, parameters) => trace(graph, parameters, runtime.model)) : lazyProgram(runtime, trace);

/** Prompts → "probabilities" [B, V] of the first token, and per layer "key.i", "value.i" [B, kv, P, D]. */
export const tracePrefill: Trace = (graph, parameters, model) => prefill(graph, parameters, model, false);

/** The same for long prompts, attended in blocks. */
export const traceLongPrefill: Trace = (graph, parameters, model) => prefill(graph, parameters, model, true);

const prefill = (graph: Graph, parameters: Parameters, { decoder }: VisionLanguageModel, inBlocks: boolean): void => {
  const input = prefixInputs(graph, decoder, parameters, { inBlocks });
  const { hidden, cache } = decoder.tracePrefix(parameters, input);
  const last = gatherRows(hidden, graph.input("last", [input.B], "int32"));
  graph.output("probabilities", probabilities(graph, logits(last, decoder.head(parameters))));
  outputCache(graph, cache);
};

/** The newest tokens [B, N] → "probabilities" [B·N, V] of the next, and per layer their "key.i", "value.i" [B, kv, N, D]. */
export const traceDecode: Trace = (graph, parameters, { decoder }) => {
  const [B, N, P, L] = [symbol("B"), symbol("N"), symbol("P"), symbol("L")];
  const { layers, keyValueHeads, headSize } = decoder;
  const tokens = reshape(graph.input("tokens", [B, N], "int32"), [times(B, N)]);
  const pair = (stem: string, shape: Value["shape"], layer: number): KeyValue => ({
    key: graph.input(`${stem}.key.${layer}`, shape),
    value: graph.input(`${stem}.value.${layer}`, shape),
  });
  const everyLayer = Array.from({ length: layers }, (_, layer) => layer);
  const { hidden, cache } = decoder.traceDecode(parameters, {
    B,
    N,
    P,
    L,
    embeddings: decoder.embed(parameters, tokens),
    cos: reshape(graph.input("cos", [B, N, headSize / 2]), [times(B, N), headSize / 2]),
    sin: reshape(graph.input("sin", [B, N, headSize / 2]), [times(B, N), headSize / 2]),
    mask: reshape(graph.input("mask", [B, plus(P, L, 1)]), [B, 1, 1, 1, plus(P, L, 1)]),
    prefix: everyLayer.map((layer) => pair("prefix", [B, keyValueHeads, P, headSize], layer)),
    own: everyLayer.map((layer) => pair("own", [B, keyValueHeads, N, L, headSize], layer)),
  });
  graph.output("probabilities", probabilities(graph, logits(hidden, decoder.head(parameters))));
  outputCache(graph, cache);
};

/** softmax(logits / T); the graph is fed 1 / T. */
const probabilities = (graph: Graph, scores: Value): Value => softmax(mul(scores, graph.input("inverseTemperature", [1])));

const outputCache = (graph: Graph, cache: readonly KeyValue[]): void => {
  const names = cacheNames(cache.length);
  cache.forEach(({ key, value }, layer) => {
    graph.output(names[2 * layer] as string, key);
    graph.output(names[2 * layer + 1] as string, value);
  });
};
