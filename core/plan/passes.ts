/** What each pass over the model holds at a time, at most, found by tracing it and walking the graph with the sizes that it is fed. */
import type { Feeds, HostArray } from "../graph/executor.ts";
import type { Graph } from "../graph/graph.ts";
import { symbolsOf } from "../graph/onnx/executor.ts";
import { peakBytes } from "../graph/onnx/peak.ts";
import { evaluate, sizeOf } from "../graph/dims.ts";
import type { LearnerBatch, Output } from "../learner/learner.ts";
import { gradientOf, type GraphOptions, traceBackward, traceForward, traceVisionBackward } from "../learner/learner-graphs.ts";
import { type Microbatch, microbatches } from "../learner/microbatches.ts";
import { attendsInBlocks, passFeeds } from "../learner/pass-feeds.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import { longPicture, longRow } from "../model/rows/attention-blocks.ts";
import { prefixFeeds } from "../model/rows/segments.ts";
import { pictureChunks } from "../model/runtime.ts";
import type { TraceModel } from "../model/trace.ts";
import { traceDecode, traceLongPrefill, tracePrefill } from "../rollout/programs.ts";
import type { PlanSubject } from "./subject.ts";

/** What an update learns from, and what is sampled for it. */
export interface PlannedWork {
  /** A prompt as long as they come, as the learner gets it. */
  readonly prompt: EncodedPrompt;
  /** Prompts of an update, responses to each, and tokens of a response at most. */
  readonly prompts: number;
  readonly responses: number;
  readonly responseTokens: number;
  /** Views of the prompts that are scored, together where that is possible. */
  readonly views: number;
  /** Arrays that scores and terms ask for. */
  readonly outputs: readonly Output[];
}

/** Bytes, by pass; 0 where there is none. */
export interface PassPeaks {
  readonly vision: number;
  readonly scoring: number;
  readonly learning: number;
  readonly visionLearning: number;
}

const vocabularyChunk = 16_384;

export function learnerPeaks(subject: PlanSubject, work: PlannedWork): PassPeaks {
  const { microbatchTokens, scoringTokens, recompute } = subject.settings;
  const { trainsVision } = subject;
  const scored = feedsOf(subject, batchOf(subject, { ...work, prompts: work.prompts * work.views }, scoringTokens), scoringTokens, work.outputs);
  const learned = feedsOf(subject, batchOf(subject, work, microbatchTokens), microbatchTokens, work.outputs);
  const options = (layout: GraphOptions["layout"]): GraphOptions => ({ recompute, vocabularyChunk, layout });
  const backward: TraceModel = (graph, parameters) =>
    traceBackward(subject.model, graph, parameters, { outputs: work.outputs, trained: subject.trained, trainsVision }, options(learned.layout));
  return {
    vision: visionPeak(subject, work),
    scoring: peakOf(subject, (graph, parameters) => traceForward(subject.model, graph, parameters, work.outputs, options(scored.layout)), scored.feeds, { adds: false }),
    learning: peakOf(subject, backward, learned.feeds, { adds: true, dropout: subject.adapters.some(({ name, dropout }) => name === "" && dropout > 0) }),
    visionLearning: trainsVision ? visionLearningPeak(subject, work) : 0,
  };
}

/** Rows as long as they may be, no two alike; no more of them than fill a pass. */
function batchOf({ model }: PlanSubject, { prompt, prompts, responses, responseTokens }: PlannedWork, tokens: number): LearnerBatch {
  const enough = Math.min(prompts, Math.ceil(tokens / (promptLength(prompt) + responses * responseTokens)) + 1);
  const { vocabularySize, pictureToken } = model.decoder;
  const token = (row: number, position: number): number => {
    const drawn = (row * responseTokens + position * 7919) % vocabularySize;
    return drawn === pictureToken ? 0 : drawn;
  };
  const rows = Array.from({ length: enough * responses }, (_, row) => ({
    prompt: Math.floor(row / responses),
    tokens: Int32Array.from({ length: responseTokens }, (_token, position) => token(row, position)),
  }));
  return { prompts: Array.from({ length: enough }, (_, index) => withOwnText(prompt, index, pictureToken, vocabularySize)), rows, temperature: 1 };
}

/** The prompt with other words, so that nothing of it is shared. */
function withOwnText(prompt: EncodedPrompt, index: number, pictureToken: number, vocabulary: number): EncodedPrompt {
  const ids = prompt.ids.map((id) => {
    const other = (id + index) % vocabulary;
    return id === pictureToken || other === pictureToken ? id : other;
  });
  const pictures = prompt.pictures.map((picture) => ({ ...picture, hash: `${picture.hash} ${index}` }));
  return { ...prompt, ids, pictures };
}

/** Feeds of the largest pass that a batch is cut into. */
function feedsOf({ model, settings }: PlanSubject, batch: LearnerBatch, tokens: number, asked: readonly Output[]) {
  const size = ({ groups }: Microbatch): number => groups.reduce((sum, { prompt, rows }) => sum + promptLength(batch.prompts[prompt]!) + rows.reduce((all, row) => all + batch.rows[row]!.tokens.length, 0), 0);
  const largest = microbatches(batch, tokens).reduce((a, b) => (size(b) > size(a) ? b : a));
  const inBlocks = attendsInBlocks(batch, { attendsInBlocks: settings.executor === "onnxruntime" && settings.device === "cpu" });
  const prompts = largest.groups.map(({ prompt }) => batch.prompts[prompt]!);
  return passFeeds(model.decoder, batch, largest, placeholders(model, prompts), { asked, inBlocks, pads: false, sharesRows: true });
}

/** Where visual tokens would read their features, of which there are only sizes. */
function placeholders({ vision }: PlanSubject["model"], prompts: readonly EncodedPrompt[]) {
  let rows = 0;
  const placed = prompts.map((prompt) => {
    const count = prompt.pictures.reduce((sum, picture) => sum + vision.tokens(picture), 0);
    const featureRows = Int32Array.from({ length: count }, (_, i) => rows + i);
    rows += count;
    return { prompt, featureRows };
  });
  // An array of this size is fed even without pictures.
  const matrix: HostArray = { shape: [Math.max(1, rows), vision.featureWidth], data: new Float32Array() };
  return { placed, matrix };
}

interface Pass {
  /** Gradients are added to arrays that are there. */
  readonly adds: boolean;
  readonly dropout?: boolean;
}

/** What a program holds, and what it is fed beside parameters; outputs that are returned exist twice, since the binding copies them. */
function peakOf(subject: PlanSubject, trace: TraceModel, feeds: Feeds, { adds, dropout = false }: Pass): number {
  const { graph } = subject.trace(trace, { dropout });
  const sizes = symbolsOf(graph, feeds);
  const fed = Object.entries(feeds).reduce((sum, [name, { shape }]) => sum + (graph.inputs.has(name) ? 4 * shape.reduce((a, b) => a * b, 1) : 0), 0);
  const sums = new Set(adds ? [...graph.outputs.keys()].filter((name) => subject.parameters.has(gradientOf(name) ?? "")) : []);
  return peakBytes(graph, { sizes, files: subject.inFiles, sums }) + fed + (adds ? 0 : outputBytes(graph, sizes));
}

const outputBytes = (graph: Graph, sizes: ReadonlyMap<string, number>): number =>
  [...graph.outputs.values()].reduce((sum, { shape }) => sum + 4 * evaluate(sizeOf(shape), sizes), 0);

/** As ModelRuntime decides. */
const seesInBlocks = ({ hasDevice }: PlanSubject, pictures: readonly EncodedPicture[]): boolean => !hasDevice && pictures.some(({ grid: [, height, width] }) => height * width >= longPicture);

/** The largest picture of a prompt: they are encoded one by one. */
function visionPeak(subject: PlanSubject, { prompt }: PlannedWork): number {
  const { vision } = subject.model;
  const peaks = prompt.pictures.map((picture) => {
    const inBlocks = seesInBlocks(subject, [picture]);
    const trace: TraceModel = (graph, parameters) => graph.output("features", vision.trace(graph, parameters, { inBlocks }));
    return peakOf(subject, trace, vision.feeds([withPixels(subject, picture)], inBlocks), { adds: false });
  });
  return Math.max(0, ...peaks);
}

/** Pictures of an update, as many as go through the tower at once. */
function visionLearningPeak(subject: PlanSubject, { prompt, prompts }: PlannedWork): number {
  const { vision } = subject.model;
  const { recompute } = subject.settings;
  const pictures = Array.from({ length: prompts }, () => prompt.pictures).flat().slice(0, mostPictures);
  const [chunk] = pictureChunks(pictures);
  if (chunk === undefined) return 0;
  const rows = chunk.reduce((sum, picture) => sum + vision.tokens(picture), 0);
  const cotangent: HostArray = { shape: [rows, vision.featureWidth], data: new Float32Array() };
  const one: HostArray = { shape: [1], data: Float32Array.of(1) };
  const inBlocks = seesInBlocks(subject, chunk);
  const feeds = { ...vision.feeds(chunk.map((picture) => withPixels(subject, picture)), inBlocks), "cotangent.features": cotangent, one };
  return peakOf(subject, (graph, parameters) => traceVisionBackward(subject.model, graph, parameters, subject.trained, { recompute, inBlocks }), feeds, { adds: true });
}

/** More than go through the tower at once. */
const mostPictures = 512;

/** A picture may be known by its grid alone. */
function withPixels({ model }: PlanSubject, picture: EncodedPicture): EncodedPicture {
  if (picture.pixels.length > 0) return picture;
  const patch = [...model.vision.parameters.values()].find((shape) => shape.length >= 4)!.slice(1).reduce((a, b) => a * b, 1);
  const [time, height, width] = picture.grid;
  return { ...picture, pixels: new Float32Array(time * height * width * patch) };
}

export interface SamplingPeaks {
  readonly prefill: number;
  readonly decoding: number;
}

/** @param wave prompts and responses to each that are sampled together, and tokens that a prompt's prefix and a response have room for */
export function samplingPeaks(subject: PlanSubject, prompt: EncodedPrompt, wave: { readonly B: number; readonly N: number; readonly P: number; readonly L: number }, { prefillTokens, apart }: { readonly prefillTokens: number; readonly apart: boolean }): SamplingPeaks {
  const { decoder } = subject.model;
  const together = Math.min(wave.B, Math.max(1, Math.floor(prefillTokens / wave.P)));
  const { placed, matrix } = placeholders(subject.model, Array.from({ length: together }, () => prompt));
  const inBlocks = !subject.hasDevice && wave.P >= longRow;
  const last: HostArray = { shape: [together], data: new Int32Array(together) };
  const feeds = { ...prefixFeeds(decoder, placed, matrix, { inBlocks }), last };
  const prefill: TraceModel = (graph, parameters) => (inBlocks ? traceLongPrefill : tracePrefill)(graph, parameters, subject.model);
  const { graph } = subject.trace((own, parameters) => traceDecode(own, parameters, subject.model, apart));
  const sizes = new Map(Object.entries(wave));
  // With weights of its own a program widens none.
  const decoding = peakBytes(graph, { sizes, files: apart ? subject.inFiles : new Map() }) + outputBytes(graph, sizes);
  return { prefill: peakOf(subject, prefill, feeds, { adds: false }), decoding };
}
