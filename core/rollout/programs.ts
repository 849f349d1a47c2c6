/**
 * The graphs of sampling: prompts to a cache and the first token's distribution, newest tokens to the next ones', an
 * environment's words after cached ones.
 */
import { type Dim, plus, symbol, times } from "../graph/dims.ts";
import type { FloatArray, HostArray } from "../graph/executor.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { type DrawSettings, drawToken } from "../graph/ops/decode.ts";
import { concat, gatherRows, mul, reshape, softmax } from "../graph/ops/index.ts";
import { logits } from "../graph/ops/linear.ts";
import type { CachedInput, KeyValue, Parameters, VisionLanguageModel } from "../model/model.ts";
import type { ModelProgram, ModelRuntime } from "../model/runtime.ts";
import { prefixInputs } from "../model/rows/inputs.ts";
import { wordInputs } from "../model/rows/words.ts";
import { cacheNames, type CacheShape } from "./cache.ts";

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

/**
 * The decode program, which is run for every token: with a copy of the weights inside, unless they are on a device
 * already.
 * @param copyBytes largest copy; where it would be larger, weights are read where they are
 */
export const decodeProgram = (runtime: ModelRuntime, copyBytes: number): LazyProgram => {
  const trace =
    (apart: boolean) =>
    (graph: Graph, parameters: Parameters): void =>
      traceDecode(graph, parameters, runtime.model, apart);
  return runtime.executor.device === undefined
    ? runtime.bind(trace(false), { apart: trace(true), copyBytes })
    : lazyProgram(runtime, traceDecode);
};

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

/**
 * The newest tokens [B, N] → "probabilities" [B·N, V] of the next, and per layer their "key.i", "value.i" [B, kv, N,
 * D].
 */
export const traceDecode = (
  graph: Graph,
  parameters: Parameters,
  { decoder }: VisionLanguageModel,
  apart = false,
): void => {
  const [B, N, P, L] = [symbol("B"), symbol("N"), symbol("P"), symbol("L")];
  const { layers, keyValueHeads, headSize } = decoder;
  const tokens = reshape(graph.input("tokens", [B, N], "int32"), [times(B, N)]);
  const cached = cachedInputs(graph, { layers, keyValueHeads, headSize, B, N, P, L });
  const { hidden, cache } = decoder.traceDecode(parameters, {
    ...cached,
    place: null,
    apart,
    embeddings: decoder.embed(parameters, tokens),
    cos: reshape(graph.input("cos", [B, N, headSize / 2]), [times(B, N), headSize / 2]),
    sin: reshape(graph.input("sin", [B, N, headSize / 2]), [times(B, N), headSize / 2]),
    mask: reshape(graph.input("mask", [B, N, plus(P, L, 1)]), [B, 1, N, 1, plus(P, L, 1)]),
  });
  graph.output("probabilities", probabilities(graph, logits(hidden, decoder.head(parameters))));
  outputCache(graph, cache);
};

/**
 * The host's caches as inputs: per layer "prefix.key.i" [B, kv, P, D], "own.key.i" [B, kv, N, L, D], and their values.
 */
function cachedInputs(
  graph: Graph,
  { layers, keyValueHeads, headSize, B, N, P, L }: CacheShape & Pick<CachedInput, "B" | "N" | "P" | "L">,
): CachedInput {
  const pairs = (stem: string, shape: Value["shape"]): KeyValue[] =>
    Array.from({ length: layers }, (_, layer) => ({
      key: graph.input(`${stem}.key.${layer}`, shape),
      value: graph.input(`${stem}.value.${layer}`, shape),
    }));
  return {
    prefix: pairs("prefix", [B, keyValueHeads, P, headSize]),
    own: pairs("own", [B, keyValueHeads, N, L, headSize]),
    B,
    N,
    P,
    L,
  };
}

/**
 * Words after what is cached (rows/words.ts) → "probabilities" [B·N, V] of the token after each response's last word,
 * and per layer the words'
 * "key.i", "value.i" [B, kv, N, W, D].
 */
export const traceWords: Trace = (graph, parameters, model) =>
  graph.output("probabilities", probabilities(graph, wordScores(graph, parameters, model)));

/** The same with "scores" [B·N, V], for a device that draws. */
export const traceWordScores: Trace = (graph, parameters, model) =>
  graph.output("scores", wordScores(graph, parameters, model));

function wordScores(graph: Graph, parameters: Parameters, { decoder }: VisionLanguageModel): Value {
  const [B, N, P, L] = [symbol("B"), symbol("N"), symbol("P"), symbol("L")];
  const { layers, keyValueHeads, headSize } = decoder;
  const words = wordInputs(graph, decoder, parameters, { B, N });
  const mask = reshape(graph.input("mask", [B, N, plus(P, L)]), [B, 1, N, 1, plus(P, L)]);
  const cached = cachedInputs(graph, { layers, keyValueHeads, headSize, B, N, P, L });
  const { hidden, cache } = decoder.traceWords(parameters, { ...words, ...cached, mask });
  outputCache(graph, cache);
  return logits(gatherRows(hidden, graph.input("last", [times(B, N)], "int32")), decoder.head(parameters));
}

/** How a round's tokens are drawn: with what it is fed, one graph serves settings that differ in numbers alone. */
export interface RoundSettings extends DrawSettings {
  /** Each response has a mask of its own, [B, N, P + L], and not each prompt, [B, P + L]. */
  readonly ownMasks: boolean;
}

/** Parts of the inputs of `traceRound` that each round has its own of, and what it carries to the next. */
export const roundParts = ["cos", "sin", "mask", "place", "words"] as const;
export const roundCarried = (layers: number): Record<string, string> =>
  Object.fromEntries(
    ["tokens", ...cacheNames(layers).map((name) => `own.${name}`)].map((name) => [name, `next.${name}`]),
  );

/**
 * A round of a loop: the newest tokens [B, N] and the caches → "drawn" [B·N, 3], of each row the next token, its
 * log-prob and its log-prob among what it was drawn from, and tokens and caches for the next round.
 */
export const traceRound =
  (settings: RoundSettings): Trace =>
  (graph, parameters, { decoder }) => {
    const [B, N, P, L] = [symbol("B"), symbol("N"), symbol("P"), symbol("L")];
    const { layers, keyValueHeads, headSize } = decoder;
    const names = cacheNames(layers);
    const cached = (stem: string, shape: Value["shape"]): KeyValue[] => {
      const arrays = names.map((name) => graph.input(`${stem}.${name}`, shape));
      return Array.from({ length: layers }, (_, layer) => ({ key: arrays[2 * layer]!, value: arrays[2 * layer + 1]! }));
    };
    const half = headSize / 2;
    const byRow = (name: string): Value => reshape(graph.input(name, [B, N, half]), [times(B, N), half]);
    const { hidden, cache } = decoder.traceDecode(parameters, {
      B,
      N,
      P,
      L,
      place: graph.input("place", [1], "int32"),
      embeddings: decoder.embed(parameters, reshape(graph.input("tokens", [B, N], "int32"), [times(B, N)])),
      cos: byRow("cos"),
      sin: byRow("sin"),
      mask: settings.ownMasks
        ? reshape(graph.input("mask", [B, N, plus(P, L)]), [B, 1, N, 1, plus(P, L)])
        : reshape(graph.input("mask", [B, plus(P, L)]), [B, 1, 1, 1, plus(P, L)]),
      prefix: cached("prefix", [B, keyValueHeads, P, headSize]),
      own: cached("own", [B, keyValueHeads, N, L, headSize]),
    });
    const tokens = drawn(graph, logits(hidden, decoder.head(parameters)), settings);
    graph.output("next.tokens", reshape(tokens, [B, N]));
    cache.forEach(({ key, value }, layer) => {
      graph.output(`next.own.${names[2 * layer]}`, key);
      graph.output(`next.own.${names[2 * layer + 1]}`, value);
    });
  };

/** Prompts → "scores" [B, V] of the first token, and the prefixes' cache as `tracePrefill` returns it. */
export const traceScores =
  (inBlocks: boolean): Trace =>
  (graph, parameters, { decoder }) => {
    const input = prefixInputs(graph, decoder, parameters, { inBlocks });
    const { hidden, cache } = decoder.tracePrefix(parameters, input);
    graph.output(
      "scores",
      logits(gatherRows(hidden, graph.input("last", [input.B], "int32")), decoder.head(parameters)),
    );
    outputCache(graph, cache);
  };

/** "scores" [B, V], and for each row the one that it is drawn from → "drawn" [rows, 3] as `traceRound` returns it. */
export const traceFirstDraw = (graph: Graph, vocabulary: number, settings: RoundSettings): void => {
  const scores = graph.input("scores", [symbol("B"), vocabulary]);
  drawn(graph, gatherRows(scores, graph.input("row.of", [symbol("rows")], "int32")), settings);
};

/**
 * A layer's cache laid out anew: "key", "value" [B, kv, N, L, D] of the responses and, `withWords`, "words.key" and
 * "words.value" [B, kv, N, W, D] → "next.key" and "next.value" [B, kv, N, L, D]. Row i of these, [B·kv·N·L, D], is row
 * `index`[i] of what both are one after the other along L, [B·kv·N·(L + W), D].
 */
export function traceRelaid(
  graph: Graph,
  { keyValueHeads: kv, headSize: D }: Pick<CacheShape, "keyValueHeads" | "headSize">,
  withWords: boolean,
): void {
  const [B, N, L, W] = [symbol("B"), symbol("N"), symbol("L"), symbol("W")];
  const index = graph.input("index", [times(B, kv, N, L)], "int32");
  for (const name of ["key", "value"]) {
    const old = graph.input(name, [B, kv, N, L, D]);
    const all = withWords ? concat([old, graph.input(`words.${name}`, [B, kv, N, W, D])], 3) : old;
    const rows = reshape(all, [times(B, kv, N, withWords ? plus(L, W) : L), D]);
    graph.output(`next.${name}`, reshape(gatherRows(rows, index), [B, kv, N, L, D]));
  }
}

/** Draw from scores [rows, V]; outputs "drawn" and returns the tokens, [rows] int32. */
function drawn(graph: Graph, scores: Value, settings: RoundSettings): Value {
  const [rows, V] = scores.shape as [Dim, Dim];
  const [token, number, logProb, behaviour] = drawToken(
    mul(scores, graph.input("inverseTemperature", [1])),
    {
      words: graph.input("words", [rows, 2], "int32"),
      allowed: graph.input("allowed", [V]),
      topK: graph.input("topK", [1]),
      topP: graph.input("topP", [1]),
    },
    settings,
  ) as [Value, Value, Value, Value];
  graph.output(
    "drawn",
    concat(
      [number, logProb, behaviour].map((column) => reshape(column, [rows, 1])),
      1,
    ),
  );
  return token;
}

/** softmax(logits / T); the graph is fed 1 / T. */
const probabilities = (graph: Graph, scores: Value): Value =>
  softmax(mul(scores, graph.input("inverseTemperature", [1])));

const outputCache = (graph: Graph, cache: readonly KeyValue[]): void => {
  const names = cacheNames(cache.length);
  cache.forEach(({ key, value }, layer) => {
    graph.output(names[2 * layer] as string, key);
    graph.output(names[2 * layer + 1] as string, value);
  });
};
