/** What sampling holds at a time, at most. */
import type { HostArray } from "../graph/executor.ts";
import { type Graph, liveNodes, type Node, type Value } from "../graph/graph.ts";
import { peakBytes } from "../graph/onnx/peak.ts";
import { outputBytes } from "../learner/passes/pass-memory.ts";
import type { EncodedPrompt } from "../model/model.ts";
import { readsInBlocks } from "../model/rows/attention-blocks.ts";
import { prefixFeeds } from "../model/rows/prefixes.ts";
import type { TraceModel } from "../model/trace.ts";
import { wordsAtOnce } from "../rollout/looped-words.ts";
import { traceDecode, traceLongPrefill, tracePrefill, traceWords } from "../rollout/programs.ts";
import { wordPieces } from "../rollout/read-words.ts";
import type { PlannedWork } from "./passes.ts";
import type { PlanSubject } from "./subject.ts";
import { blocksOf, peakOf, placeholders } from "./traced-pass.ts";

/** A weight in float32, bytes. */
interface ProductWeight {
  readonly bytes: number;
  /** It stands like that in a file, whose pages are read where they are. */
  readonly mapped: boolean;
}

export interface SamplingPeaks {
  /** Weights that the decode program reads whole, joined ones one by one. */
  readonly products: readonly ProductWeight[];
  readonly prefill: number;
  readonly decoding: number;
  /** What environments say, being read; 0 where there are none. */
  readonly words: number;
}

/**
 * Prompts and responses to each that are sampled together, tokens that a prompt's prefix and a response have room for.
 */
type WaveSizes = Readonly<Record<"B" | "N" | "P" | "L", number>>;

interface SamplingOptions {
  readonly turns?: PlannedWork["turns"] | undefined;
  readonly prefillTokens: number;
  readonly apart: boolean;
}

export function samplingPeaks(
  subject: PlanSubject,
  prompt: EncodedPrompt,
  wave: WaveSizes,
  { prefillTokens, apart, turns }: SamplingOptions,
): SamplingPeaks {
  const { decoder } = subject.model;
  const together = Math.min(wave.B, Math.max(1, Math.floor(prefillTokens / wave.P)));
  const { placed, matrix } = placeholders(
    subject.model,
    Array.from({ length: together }, () => prompt),
  );
  const executor = blocksOf(subject);
  const inBlocks = readsInBlocks(wave.P, executor);
  const last: HostArray = { shape: [together], data: new Int32Array(together) };
  const feeds = { ...prefixFeeds(decoder, placed, matrix, { inBlocks }), last };
  const prefill: TraceModel = (graph, parameters) =>
    (inBlocks ? traceLongPrefill : tracePrefill)(graph, parameters, subject.model);
  const { graph } = subject.trace((own, parameters) => traceDecode(own, parameters, subject.model, apart));
  const sizes = new Map(Object.entries(wave));
  subject.planned(graph, sizes);
  const products = productWeights(subject, graph);
  // With weights of its own a program widens none.
  const decoding = peakBytes(graph, { sizes, files: apart ? subject.inFiles : new Map() }) + outputBytes(graph, sizes);
  const words = turns === undefined ? 0 : wordsPeak(subject, wave, prefillTokens, turns.visualTokens);
  return { products, prefill: peakOf(subject, prefill, feeds, { adds: false }), decoding, words };
}

/** Of the model's weights that a graph reads whole, and not only rows of. */
function productWeights({ model, inFiles }: PlanSubject, graph: Graph): ProductWeight[] {
  const picked = (node: Node, value: Value): boolean => node.op.name === "gatherRows" && node.inputs[0] === value;
  const whole = new Set(liveNodes(graph).flatMap((node) => node.inputs.filter((value) => !picked(node, value))));
  const read = [...graph.inputs].filter(([name, value]) => model.parameters.has(name) && whole.has(value));
  return read.map(([name]) => ({
    bytes: model.parameters.get(name)!.reduce((a, b) => a * b, 4),
    mapped: inFiles.get(name) === "F32",
  }));
}

/** As many words at once as the sampler reads, as long as a response may be. */
function wordsPeak(subject: PlanSubject, wave: WaveSizes, tokensAtOnce: number, visualTokens: number): number {
  const { N, P, L } = wave;
  const { heads } = subject.model.decoder;
  // What rounds on a device have cached stays there for all prompts of the wave.
  const { size, prompts } =
    subject.settings.executor === "xla"
      ? { size: wordsAtOnce({ ...wave, heads, longest: L }, tokensAtOnce), prompts: wave.B }
      : wordPieces({ N, P, room: L, heads, longest: L }, tokensAtOnce);
  const { graph } = subject.trace((own, parameters) => traceWords(own, parameters, subject.model));
  const features = Math.max(1, prompts * N * visualTokens);
  const sizes = new Map(Object.entries({ B: prompts, N, P, L, W: size, K: prompts * N * size, F: features }));
  subject.planned(graph, sizes);
  return peakBytes(graph, { sizes, files: subject.inFiles }) + outputBytes(graph, sizes);
}
