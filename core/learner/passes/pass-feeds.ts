/** What a forward or backward pass of the learner is fed, and where its predictions belong. */
import type { HostArray } from "../../graph/executor.ts";
import { type Decoder, type EncodedPrompt, type GivenTokens, promptLength } from "../../model/model.ts";
import { type BlockExecutor, readsInBlocks } from "../../model/rows/attention-blocks.ts";
import { packedRows } from "../../model/rows/packed.ts";
import { changeFeeds, regardedFeeds, type SegmentFeeds } from "../../model/rows/feeds.ts";
import type { PlacedGiven, PlacedPrompt } from "../../model/rows/groups.ts";
import type { RowLayout } from "../../model/rows/inputs.ts";
import { paddedRows } from "../../model/rows/padded.ts";
import { onePerToken, paddedPredictions, pictureMeanFeeds, predictionFeeds } from "../../model/rows/predictions.ts";
import { type SegmentLayout, segmentLayout } from "../../model/rows/segments.ts";
import type { PassSizes } from "../../model/rows/sizes.ts";
import { sharedRows } from "../../model/rows/shared.ts";
import { attentionOf } from "../attention-output.ts";
import { isDivergence, type LearnerBatch, type LearnerRow, type Output } from "../learner.ts";
import type { Microbatch } from "./microbatches.ts";

/** Where a pass's predictions go: tokens with equal histories are one prediction. */
export interface Places {
  /** Of each response token that the policy wrote, its place in [B, T]. */
  readonly ofToken: Float64Array;
  /** And which prediction it is. */
  readonly predictionOfToken: Int32Array;
  readonly predictions: number;
}

export interface PassOptions {
  readonly asked: readonly Output[];
  /** Attention is computed in blocks. */
  readonly inBlocks: boolean;
  /** Sizes are brought to few ones. */
  readonly pads: boolean;
  /** Tokens of equal histories are one row, where that saves something. */
  readonly sharesRows: boolean;
  /** See GraphOptions. */
  readonly changesValues: boolean;
  /** What padded sizes are brought to at least. */
  readonly least?: PassSizes;
}

export interface PassFeeds {
  readonly feeds: Record<string, HostArray>;
  readonly places: Places;
  readonly layout: RowLayout;
  readonly sizes: PassSizes;
}

/** Whether some prompts change what attention reads; of the whole batch, as `attendsInBlocks`. */
export const changesValues = ({ prompts }: Pick<LearnerBatch, "prompts">): boolean =>
  prompts.some(({ values }) => values !== undefined);

/** Tokens of the longest response: T. */
export const longestResponse = ({ rows }: LearnerBatch): number =>
  Math.max(0, ...rows.map(({ tokens }) => tokens.length));

/**
 * Whether rows are long enough for blocks; of the whole batch, so that how it is cut into passes does not change what
 * is computed.
 */
export function attendsInBlocks(
  { prompts, rows }: LearnerBatch,
  executor: BlockExecutor,
  fromTokens?: number,
): boolean {
  const longest = rows.reduce(
    (most, { prompt, tokens }) => Math.max(most, promptLength(prompts[prompt] as EncodedPrompt) + tokens.length),
    0,
  );
  return readsInBlocks(longest, executor, fromTokens);
}

/** Whether passes are cut by what they hold: rows are long, and it is known how the executor takes memory. */
export const cutsByBytes = (batch: LearnerBatch, executor: BlockExecutor, fromTokens?: number): boolean =>
  executor.fixedSizes !== true && attendsInBlocks(batch, executor, fromTokens);

/** The rows of a matrix of features that visual tokens read. */
export interface PlacedPictures {
  /** The microbatch's prompts. */
  readonly placed: readonly PlacedPrompt[];
  /** Feature rows of pictures that environments gave, by the row of the batch. Default: there are none. */
  readonly given?: ReadonlyMap<number, Int32Array>;
  readonly matrix: HostArray;
}

export function passFeeds(
  decoder: Decoder,
  batch: LearnerBatch,
  { groups }: Microbatch,
  { placed, given = new Map<number, Int32Array>(), matrix }: PlacedPictures,
  { asked, inBlocks, pads, sharesRows, changesValues, least }: PassOptions,
): PassFeeds {
  const segments = groups.map(({ rows }, i) => ({
    ...(placed[i] as PlacedPrompt),
    responses: rows.map((row) => batch.rows[row]!.tokens),
    given: rows.map((row) => withFeatures(batch.rows[row]!.given, given.get(row))),
  }));
  const T = longestResponse(batch);
  const slots = segmentLayout(decoder, segments, matrix, pads, least);
  const { layout, feeds, slotOfRow, predictions: needed } = layOut(decoder, slots, inBlocks, sharesRows);
  // Tokens that are one prediction here may be several on the other side of a divergence.
  const each = asked.some(isDivergence) ? onePerToken(needed) : needed;
  const predictions = pads ? paddedPredictions(each, least?.M) : each;
  const ofPictures = asked.some((output) => output === "pictureSimilarity" || attentionOf(output) !== null)
    ? pictureMeanFeeds(slots, predictions)
    : {};
  const watched = asked.some((output) => attentionOf(output)?.kind === "pictureAttention")
    ? regardedFeeds(slots, slotOfRow)
    : {};
  const changes = changesValues ? changeFeeds(decoder, slots, slotOfRow) : {};
  const inverseTemperature: HostArray = { shape: [1], data: Float32Array.of(1 / batch.temperature) };
  const places: Places = {
    ofToken: Float64Array.from(
      slots.predicted,
      ({ group, response, position }) => (groups[group]?.rows[response] as number) * T + position,
    ),
    predictionOfToken: predictions.ofToken,
    predictions: predictions.targets.length,
  };
  const sizeOf = (feed: string): number => feeds[feed]?.shape[0] ?? 0;
  const { B, P, N, R } = slots;
  const rows = { K: sizeOf("text"), F: sizeOf("features"), T: sizeOf("row.source"), C: sizeOf("copy.slots") };
  const tiles = { tiles: sizeOf("attention.blocks"), keys: sizeOf("attention.keys") };
  const sizes = { B, P, N, R, ...rows, M: places.predictions, ...tiles };
  return {
    feeds: { ...feeds, ...predictionFeeds(predictions), ...ofPictures, ...watched, ...changes, inverseTemperature },
    places,
    layout,
    sizes,
  };
}

const withFeatures = (given: GivenTokens | undefined, featureRows: Int32Array | undefined): PlacedGiven | null =>
  given === undefined ? null : { ...given, featureRows: featureRows ?? new Int32Array(0) };

/**
 * Everything of a batch that has pictures: its prompts, and after them what environments put into responses, as
 * `pictures.of` takes it.
 */
export const pictured = ({ prompts, rows }: LearnerBatch): readonly EncodedPrompt[] => [
  ...prompts,
  ...rows.flatMap((row) => givenPictures(row) ?? []),
];

/** The pictures in a response, as a prompt that has them; null for none. */
export const givenPictures = ({ tokens, given }: LearnerRow): EncodedPrompt | null =>
  given === undefined || given.pictures.length === 0 ? null : { ids: tokens, pictures: given.pictures };

function layOut(
  decoder: Decoder,
  slots: SegmentLayout,
  inBlocks: boolean,
  sharesRows: boolean,
): SegmentFeeds & { readonly layout: RowLayout } {
  if (inBlocks) return { layout: "packed", ...packedRows(decoder, slots) };
  const shared = sharesRows ? sharedRows(decoder, slots) : null;
  return shared === null ? { layout: "padded", ...paddedRows(decoder, slots) } : { layout: "shared", ...shared };
}
