/**
 * What each pass over the model holds at a time, at most, found by tracing it and walking the graph with the sizes that
 * it is fed.
 */
import type { HostArray } from "../graph/executor.ts";
import { isDivergence, type LearnerBatch, type Output } from "../learner/learner.ts";
import {
  type GraphOptions,
  traceBackward,
  traceForward,
  traceVisionBackward,
} from "../learner/passes/learner-graphs.ts";
import type { Microbatch } from "../learner/passes/microbatches.ts";
import { boundedBackward, boundedPasses, passLimit } from "../learner/passes/pass-memory.ts";
import { attendsInBlocks, cutsByBytes, givenPictures, passFeeds } from "../learner/passes/pass-feeds.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import { seesInBlocks } from "../model/rows/attention-blocks.ts";
import { pictureChunks } from "../model/pictures.ts";
import type { TraceModel } from "../model/trace.ts";
import type { PlanSubject } from "./subject.ts";
import { blocksOf, peakOf, placeholders } from "./traced-pass.ts";

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
  /** Some of the views that are scored change what attention reads. Default false. */
  readonly changesValues?: boolean;
  /**
   * Environments answer between turns, with pictures of so many visual tokens in a response at most. Default: there are
   * none.
   */
  readonly turns?: { readonly visualTokens: number };
}

/** Bytes, by pass; 0 where there is none. */
export interface PassPeaks {
  readonly vision: number;
  readonly scoring: number;
  readonly learning: number;
  /**
   * Whether `learning` has the gradient in it, whose memory comes as it is written: in a pass back of a large model,
   * where there is one alone.
   */
  readonly gradientGrows: boolean;
  readonly visionLearning: number;
}

const vocabularyChunk = 16_384;

/** How passes are traced, and what they may hold. */
function tracingOf(subject: PlanSubject, work: PlannedWork) {
  // The other side of a divergence is counted as the model itself.
  const { vocabularySize: vocabulary, hiddenSize } = subject.model.decoder;
  const other = work.outputs.some(isDivergence) ? { other: { vocabulary, hiddenSize } } : {};
  const options = (layout: GraphOptions["layout"], again: boolean, changesValues = false): GraphOptions => ({
    recompute: again,
    vocabularyChunk,
    layout,
    changesValues,
    ...other,
  });
  const limit = passLimit(subject.parameters, subject.trained);
  const executor = blocksOf(subject);
  const bounded = (batch: LearnerBatch): number => (cutsByBytes(batch, executor) ? limit : Infinity);
  return { options, bounded };
}

/** What a pass forward holds at a time, at most. */
export function scoringPeak(subject: PlanSubject, work: PlannedWork): number {
  const { scoringTokens } = subject.settings;
  const scored = batchOf(subject, { ...work, prompts: work.prompts * work.views }, scoringTokens);
  const { options, bounded } = tracingOf(subject, work);
  const scoring = (pass: Microbatch): number => {
    const { feeds, layout } = feedsOf(subject, scored, pass, work.outputs, work.changesValues);
    return peakOf(
      subject,
      (graph, parameters) =>
        traceForward(subject.model, graph, parameters, work.outputs, options(layout, false, work.changesValues)),
      feeds,
      { adds: false },
    );
  };
  return boundedPasses(scored, scoringTokens, bounded(scored), scoring).bytes;
}

export function learnerPeaks(subject: PlanSubject, work: PlannedWork): PassPeaks {
  const { microbatchTokens, recompute } = subject.settings;
  const { trainsVision } = subject;
  const { options, bounded } = tracingOf(subject, work);
  const learned = batchOf(subject, work, microbatchTokens);
  const dropout = subject.adapters.some(({ name, dropout: rate }) => name === "" && rate > 0);
  const learning = (pass: Microbatch, again: boolean, sumsGrow = false): number => {
    const { feeds, layout } = feedsOf(subject, learned, pass, work.outputs);
    const backward: TraceModel = (graph, parameters) =>
      traceBackward(
        subject.model,
        graph,
        parameters,
        { outputs: work.outputs, trained: subject.trained, trainsVision },
        options(layout, again),
      );
    return peakOf(subject, backward, feeds, { adds: true, dropout, sumsGrow });
  };
  const back = boundedBackward(learned, { tokens: microbatchTokens, limit: bounded(learned), recompute }, learning);
  const gradientGrows = back.cut.length === 1 && subject.handsBack;
  return {
    vision: visionPeak(subject, work),
    scoring: scoringPeak(subject, work),
    learning: gradientGrows ? learning(back.largest, back.recompute, true) : back.bytes,
    gradientGrows,
    visionLearning: trainsVision ? visionLearningPeak(subject, work) : 0,
  };
}

/** Rows as long as they may be, no two alike; no more of them than fill a pass. */
function batchOf({ model }: PlanSubject, work: PlannedWork, tokens: number): LearnerBatch {
  const { prompt, prompts, responses, responseTokens } = work;
  const enough = Math.min(prompts, Math.ceil(tokens / (promptLength(prompt) + responses * responseTokens)) + 1);
  const { vocabularySize, pictureToken } = model.decoder;
  const token = (row: number, position: number): number => {
    const drawn = (row * responseTokens + position * 7919) % vocabularySize;
    return drawn === pictureToken ? 0 : drawn;
  };
  const rows = Array.from({ length: enough * responses }, (_, row) => {
    const own = {
      prompt: Math.floor(row / responses),
      tokens: Int32Array.from({ length: responseTokens }, (_token, position) => token(row, position)),
    };
    const [picture] = shownPictures(model, work, row);
    if (picture === undefined) return own;
    own.tokens.fill(pictureToken, 0, model.vision.tokens(picture));
    // As if all were predicted, as where an environment says nothing.
    return { ...own, given: { flags: new Uint8Array(responseTokens), pictures: [picture] } };
  });
  return {
    prompts: Array.from({ length: enough }, (_, index) => withOwnText(prompt, index, pictureToken, vocabularySize)),
    rows,
    temperature: 1,
  };
}

/** What environments show in a response, as one picture; none where they show nothing. */
function shownPictures(
  { vision }: PlanSubject["model"],
  { turns, responseTokens }: PlannedWork,
  row: number,
): readonly EncodedPicture[] {
  const visual = Math.min(turns?.visualTokens ?? 0, responseTokens);
  if (visual === 0) return [];
  const picture = (tokens: number): EncodedPicture => ({
    hash: `given ${row}`,
    grid: vision.gridOf(tokens),
    pixels: new Float32Array(),
  });
  let wanted = visual;
  while (wanted > 1 && vision.tokens(picture(wanted)) > responseTokens) wanted--;
  return vision.tokens(picture(wanted)) > responseTokens ? [] : [picture(wanted)];
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

/** Feeds of a pass. */
function feedsOf(
  subject: PlanSubject,
  batch: LearnerBatch,
  pass: Microbatch,
  asked: readonly Output[],
  changesValues = false,
) {
  const { model } = subject;
  const prompts = pass.groups.map(({ prompt }) => batch.prompts[prompt]!);
  const withPictures = pass.groups
    .flatMap(({ rows }) => rows)
    .flatMap((row) => {
      const given = givenPictures(batch.rows[row]!);
      return given === null ? [] : [{ row, given }];
    });
  const { placed, matrix } = placeholders(model, [...prompts, ...withPictures.map(({ given }) => given)]);
  const given = new Map(withPictures.map(({ row }, i) => [row, placed[prompts.length + i]!.featureRows]));
  const fed = passFeeds(
    model.decoder,
    batch,
    pass,
    { placed: placed.slice(0, prompts.length), given, matrix },
    { asked, inBlocks: attendsInBlocks(batch, blocksOf(subject)), pads: false, sharesRows: true, changesValues },
  );
  if (!asked.some(isDivergence)) return fed;
  const { vocabularySize, hiddenSize } = model.decoder;
  const sized = (rows: number): HostArray => ({ shape: [rows, hiddenSize], data: new Float32Array() });
  return {
    ...fed,
    feeds: { ...fed.feeds, "against.hidden": sized(fed.places.predictions), "against.head": sized(vocabularySize) },
  };
}

/** The largest picture of a prompt or a response: they are encoded one by one. */
function visionPeak(subject: PlanSubject, work: PlannedWork): number {
  const { vision } = subject.model;
  const peaks = [...work.prompt.pictures, ...shownPictures(subject.model, work, 0)].map((picture) => {
    const { feeds, inBlocks } = towerFeeds(subject, [picture]);
    const trace: TraceModel = (graph, parameters) =>
      graph.output("features", vision.trace(graph, parameters, { inBlocks }));
    return peakOf(subject, trace, feeds, { adds: false });
  });
  return Math.max(0, ...peaks);
}

/** Pictures of an update, as many as go through the tower at once. */
function visionLearningPeak(subject: PlanSubject, work: PlannedWork): number {
  const { prompt, prompts, responses } = work;
  const { vision } = subject.model;
  const { recompute } = subject.settings;
  const inResponses = Math.min(prompts * responses, mostPictures);
  const given = Array.from({ length: inResponses }, (_, row) => shownPictures(subject.model, work, row)).flat();
  const pictures = [...given, ...Array.from({ length: prompts }, () => prompt.pictures).flat()].slice(0, mostPictures);
  const [chunk] = pictureChunks(pictures);
  if (chunk === undefined) return 0;
  const { feeds: fed, inBlocks } = towerFeeds(subject, chunk);
  const cotangent: HostArray = { shape: [vision.rows(fed), vision.featureWidth], data: new Float32Array() };
  const one: HostArray = { shape: [1], data: Float32Array.of(1) };
  const feeds = { ...fed, "cotangent.features": cotangent, one };
  return peakOf(
    subject,
    (graph, parameters) =>
      traceVisionBackward(subject.model, graph, parameters, subject.trained, { recompute, inBlocks }),
    feeds,
    { adds: true },
  );
}

/** What the tower is fed of pictures that go through it at once, of the sizes that the executor pads to. */
function towerFeeds(subject: PlanSubject, pictures: readonly EncodedPicture[]) {
  const executor = blocksOf(subject);
  const inBlocks = seesInBlocks(pictures, executor);
  const options = { inBlocks, padded: executor.fixedSizes === true };
  return {
    inBlocks,
    feeds: subject.model.vision.feeds(
      pictures.map((picture) => withPixels(subject, picture)),
      options,
    ),
  };
}

/** More than go through the tower at once. */
const mostPictures = 512;

/** Numbers in a picture's patches; it may be known by its grid alone. */
export function patchNumbers({ model }: PlanSubject, { pixels, grid: [time, height, width] }: EncodedPicture): number {
  if (pixels.length > 0) return pixels.length;
  const patch = [...model.vision.parameters.values()]
    .find((shape) => shape.length >= 4)!
    .slice(1)
    .reduce((a, b) => a * b, 1);
  return time * height * width * patch;
}

const withPixels = (subject: PlanSubject, picture: EncodedPicture): EncodedPicture =>
  picture.pixels.length > 0 ? picture : { ...picture, pixels: new Float32Array(patchNumbers(subject, picture)) };
