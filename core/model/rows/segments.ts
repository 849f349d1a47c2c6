/** Prompts and their responses as the decoder's padded segments: the traced inputs, and the feeds that fill them. */
import { plus, symbol, times } from "../../graph/dims.ts";
import type { HostArray } from "../../graph/executor.ts";
import { bucket } from "../../math/bucket.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { changeFields, concat, gatherRows, reshape, split, zeros } from "../../graph/ops/index.ts";
import { blockFeeds, blockInputs } from "./attention-blocks.ts";
import { rowSlots } from "./slots.ts";
import { type Decoder, type EncodedPrompt, type Parameters, type PrefixInput, type SegmentInput, promptLength } from "../model.ts";

/** Added to a score to forbid it: exp of it is 0. */
export const forbidden = -1e9;

/** A prompt with the visual features' rows of its pictures' tokens, in order. */
export interface PlacedPrompt {
  readonly prompt: EncodedPrompt;
  readonly featureRows: Int32Array;
}

/** Prompts, each with the responses that share it. */
export interface SegmentGroup extends PlacedPrompt {
  readonly responses: readonly Int32Array[];
}

/** The graph's inputs for prefixes alone. */
export function prefixInputs(graph: Graph, decoder: Decoder, parameters: Parameters, { inBlocks = false } = {}): PrefixInput {
  const [B, P] = [symbol("B"), symbol("P")];
  const source = reshape(graph.input("prefix.source", [B, P], "int32"), [times(B, P)]);
  const half = decoder.headSize / 2;
  return {
    B,
    P,
    ...embeddingRows(graph, decoder, parameters, source),
    cos: graph.input("cos", [times(B, P), half]),
    sin: graph.input("sin", [times(B, P), half]),
    prefixCausal: graph.input("prefix.causal", [P, P]),
    blocks: inBlocks ? blockInputs(graph, "attention") : null,
    change: null,
  };
}

/**
 * How tokens are rows of a pass: "padded": every padded slot is a row; "shared": tokens of equal histories are one row that stands in several slots (shared.ts);
 * "packed": every token is a row, and attention is computed in blocks of rows (packed.ts).
 */
export type RowLayout = "padded" | "shared" | "packed";

/** The graph's inputs for prefixes with responses, in one of the layouts. */
export function segmentInputs(graph: Graph, decoder: Decoder, parameters: Parameters, { recompute = false, layout = "padded" as RowLayout, changesValues = false } = {}): SegmentInput {
  const [B, P, N, R] = [symbol("B"), symbol("P"), symbol("N"), symbol("R")];
  const half = decoder.headSize / 2;
  const places = (what: string): Value =>
    concat([reshape(graph.input(`prefix.${what}`, [B, P], "int32"), [times(B, P)]), reshape(graph.input(`response.${what}`, [B, N, R], "int32"), [times(B, N, R)])], 0);
  const rows = layout === "padded" ? plus(times(B, P), times(B, N, R)) : symbol("T");
  return {
    B,
    P,
    N,
    R,
    ...embeddingRows(graph, decoder, parameters, layout === "padded" ? places("source") : graph.input("row.source", [rows], "int32")),
    regarded: () => graph.input("row.regarded", [rows, 1]),
    cos: graph.input("cos", [rows, half]),
    sin: graph.input("sin", [rows, half]),
    prefixCausal: graph.input("prefix.causal", [P, P]),
    responseCausal: graph.input("response.causal", [R, R]),
    prefixMask: reshape(graph.input("prefix.mask", [B, P]), [B, 1, 1, 1, P]),
    slots: layout === "shared" ? rowSlots(graph, places("row"), rows) : null,
    blocks: layout === "packed" ? blockInputs(graph, "attention") : null,
    change: changesValues ? graph.input("row.change", [rows, changeFields.length]) : null,
    one: graph.input("one", [1]),
    recompute,
  };
}

/** Rows of the batch's text tokens and visual features, which `source` numbers in this order: embeddings, and what is added after the first layers. */
function embeddingRows(graph: Graph, decoder: Decoder, parameters: Parameters, source: Value): Pick<PrefixInput, "embeddings" | "deep"> {
  const { hiddenSize, deepFeatures } = decoder;
  const text = decoder.embed(parameters, graph.input("text", [symbol("K")], "int32"));
  const features = graph.input("features", [symbol("F"), (1 + deepFeatures) * hiddenSize]);
  const [first, ...deep] = split(features, new Array<number>(1 + deepFeatures).fill(hiddenSize), 1) as [Value, ...Value[]];
  const rows = (ofText: Value, ofPictures: Value): Value => gatherRows(concat([ofText, ofPictures], 0), source);
  return { embeddings: rows(text, first), deep: deep.map((further) => rows(zeros(graph, text.shape), further)) };
}

/** Numbers a padded layout needs. */
export interface Extent {
  readonly B: number;
  readonly P: number;
  readonly N: number;
  readonly R: number;
}

/**
 * Sizes of a pass: those of its extent; K text tokens and F visual features in the table of embeddings; T rows and C copies of rows where rows are
 * shared, else 0; M predictions.
 */
export interface PassSizes extends Extent {
  readonly K: number;
  readonly F: number;
  readonly T: number;
  readonly C: number;
  readonly M: number;
}

/** Sizes of a pass that are at least each one's. */
export function largestSizes(all: readonly PassSizes[]): PassSizes {
  const most = (size: keyof PassSizes): number => Math.max(...all.map((sizes) => sizes[size]));
  return { B: most("B"), P: most("P"), N: most("N"), R: most("R"), K: most("K"), F: most("F"), T: most("T"), C: most("C"), M: most("M") };
}

const nothing: PassSizes = { B: 0, P: 0, N: 0, R: 0, K: 0, F: 0, T: 0, C: 0, M: 0 };

/** Collects distinct text ids and the sources of rows that read them or a visual feature: equal tokens have equal sources. */
class Sources {
  readonly #indexOf = new Map<number, number>([[0, 0]]);
  readonly #pictureToken: number;

  readonly #padded: boolean;
  readonly #least: number;

  /** @param padded the table's text has one of few sizes, at least `least`; what is left over nobody reads */
  constructor(pictureToken: number, padded: boolean, least = 0) {
    this.#pictureToken = pictureToken;
    this.#padded = padded;
    this.#least = least;
  }

  get text(): Int32Array {
    const ids = new Int32Array(this.#size);
    ids.set([...this.#indexOf.keys()]);
    return ids;
  }

  get #size(): number {
    return this.#padded ? Math.max(this.#least, bucket(this.#indexOf.size)) : this.#indexOf.size;
  }

  /** Write the sources of a prompt's tokens; visual tokens are written as −1 − feature row until the text is counted. */
  prompt({ prompt, featureRows }: PlacedPrompt, into: Int32Array, start: number): void {
    readTokens(prompt, this.#pictureToken).forEach(({ token, visual }, i) => {
      into[start + i] = visual === null ? this.#add(prompt.ids[token] as number) : -1 - (featureRows[visual] as number);
    });
  }

  response(tokens: Int32Array, into: Int32Array, start: number): void {
    tokens.forEach((id, i) => (into[start + i] = this.#add(id)));
  }

  /** Visual rows come after the text in the table. */
  resolve(sources: Int32Array): Int32Array {
    const size = this.#size;
    return sources.map((source) => (source < 0 ? size - 1 - source : source));
  }

  #add(id: number): number {
    const index = this.#indexOf.get(id) ?? this.#indexOf.size;
    this.#indexOf.set(id, index);
    return index;
  }
}

/** The tokens of a prompt that the decoder reads, in order: index in `ids`, and of visual ones the number among the visual tokens. */
function readTokens({ ids, dropped }: EncodedPrompt, pictureToken: number): { readonly token: number; readonly visual: number | null }[] {
  const read: { token: number; visual: number | null }[] = [];
  let seen = 0;
  ids.forEach((id, token) => {
    const visual = id === pictureToken ? seen++ : null;
    if (visual === null || !dropped?.[visual]) read.push({ token, visual });
  });
  return read;
}

/** @param options P: prompts are padded to so many tokens, by default to the longest; padded: all sizes are among few */
export function prefixFeeds(
  decoder: Decoder,
  prompts: readonly PlacedPrompt[],
  features: HostArray,
  { inBlocks = false, P = 0, padded = false }: { readonly inBlocks?: boolean; readonly P?: number; readonly padded?: boolean } = {},
): Record<string, HostArray> {
  if (prompts.some(({ prompt }) => prompt.values !== undefined)) throw new Error("prompts that change what attention reads can be scored, and not sampled from");
  const longest = extentOf(prompts.map((prompt) => ({ ...prompt, responses: [] })));
  const extent = { ...longest, P: Math.max(P, longest.P) };
  const sources = new Sources(decoder.pictureToken, padded);
  const { prefix, components } = prefixRows(decoder, prompts, sources, extent, extent.B * extent.P);
  const { cos, sin } = decoder.rotary(components);
  const rows = extent.B * extent.P;
  return {
    "prefix.source": { shape: [extent.B, extent.P], data: sources.resolve(prefix) },
    ...(inBlocks ? prefixBlocks(extent, decoder.heads) : { "prefix.causal": causal(extent.P) }),
    ...tableFeeds(sources, features, padded),
    cos: { shape: [rows, decoder.headSize / 2], data: cos },
    sin: { shape: [rows, decoder.headSize / 2], data: sin },
  };
}

/** Each prefix is a segment, its padding too: nothing real attends to that. */
function prefixBlocks({ B, P }: Pick<Extent, "B" | "P">, heads: number): Record<string, HostArray> {
  const segments = Array.from({ length: B }, (_, b) => ({ start: b * P, end: (b + 1) * P, seen: [0, 0] as const, causal: true }));
  return blockFeeds("attention", segments, heads);
}

/** Prompts and responses in padded slots: prefix slots [B·P], then response slots [B·N·R]. */
export interface SegmentLayout extends Extent {
  /** All sizes are among few (math/bucket.ts), for programs that are compiled for each. */
  readonly padded: boolean;
  readonly groups: readonly SegmentGroup[];
  /** Row of the embedding table that each slot reads, 0 in the padding, [S]. */
  readonly source: Int32Array;
  /** Rotary positions, [3, S]. */
  readonly components: Int32Array;
  /** The slots of response tokens, in order of group, response, position: their place, their id, and the slot of the token before. */
  readonly tokens: readonly { readonly group: number; readonly response: number; readonly position: number; readonly id: number; readonly slot: number; readonly before: number }[];
  /** 1 for regarded visual tokens, [B·P]. */
  readonly regarded: Uint8Array;
  readonly table: Record<string, HostArray>;
  /** What padded sizes are brought to at least. */
  readonly least: PassSizes;
}

/** @param padded see SegmentLayout @param least of padded sizes: passes that run side by side have equal ones */
export function segmentLayout(decoder: Decoder, groups: readonly SegmentGroup[], features: HostArray, padded = false, least = nothing): SegmentLayout {
  const extent = padded ? atLeast(paddedExtent(extentOf(groups)), least) : extentOf(groups);
  const { B, P, N, R } = extent;
  const slots = B * P + B * N * R;
  const sources = new Sources(decoder.pictureToken, padded, least.K);
  const { prefix, components, next } = prefixRows(decoder, groups, sources, extent, slots);
  const source = new Int32Array(slots);
  source.set(prefix);
  const tokens: SegmentLayout["tokens"][number][] = [];
  groups.forEach(({ prompt, responses }, group) => {
    responses.forEach((ids, response) => {
      const start = B * P + (group * N + response) * R;
      sources.response(ids, source, start);
      ids.forEach((id, position) => {
        const slot = start + position;
        for (let component = 0; component < 3; component++) components[component * slots + slot] = (next[group] as number) + position;
        tokens.push({ group, response, position, id, slot, before: position === 0 ? group * P + promptLength(prompt) - 1 : slot - 1 });
      });
    });
  });
  return { ...extent, padded, groups, source: sources.resolve(source), components, tokens, regarded: regardedSlots(decoder, groups, extent), table: tableFeeds(sources, features, padded, least.F), least };
}

/** Of the prefix slots, [B·P]. */
function regardedSlots({ pictureToken }: Decoder, groups: readonly SegmentGroup[], { B, P }: Extent): Uint8Array {
  const flags = new Uint8Array(B * P);
  groups.forEach(({ prompt }, b) => {
    readTokens(prompt, pictureToken).forEach(({ visual }, i) => (flags[b * P + i] = visual === null ? 0 : (prompt.regarded?.[visual] ?? 1)));
  });
  return flags;
}

/** Feeds of `segmentInputs` that every layout of rows has. */
export const commonFeeds = ({ table }: SegmentLayout): Record<string, HostArray> => ({ ...table, one: { shape: [1], data: Float32Array.of(1) } });

/** Feeds of `segmentInputs` where attention is over slots. */
export function slotFeeds(layout: SegmentLayout): Record<string, HostArray> {
  const { groups, P, R } = layout;
  return { ...commonFeeds(layout), "prefix.causal": causal(P), "prefix.mask": prefixMask(groups, layout), "response.causal": causal(R) };
}

/** Tokens of each group's prompt that are read, [B]. */
export const promptLengths = ({ groups }: SegmentLayout): Int32Array => Int32Array.from(groups, ({ prompt }) => promptLength(prompt));

/** Numbers of the prefix slots and of the response slots as two feeds. */
export function bySegment(what: string, numbers: Int32Array, { B, P, N, R }: SegmentLayout): Record<string, HostArray> {
  return {
    [`prefix.${what}`]: { shape: [B, P], data: numbers.slice(0, B * P) },
    [`response.${what}`]: { shape: [B, N, R], data: numbers.slice(B * P) },
  };
}

/** Rows that are predicted from, [M] each: the row whose hidden state predicts, the row of the token itself, its id and its prompt. */
export interface Predictions {
  readonly hidden: Int32Array;
  readonly own: Int32Array;
  readonly targets: Int32Array;
  readonly group: Int32Array;
  /** Which of them a token of the layout is, in the layout's order. */
  readonly ofToken: Int32Array;
}

export interface SegmentFeeds {
  readonly feeds: Record<string, HostArray>;
  /** The first slot of each row. */
  readonly slotOfRow: Int32Array;
  readonly predictions: Predictions;
}

/** Feeds of `segmentInputs` where every slot is a row, padding too. */
export function paddedRows(decoder: Decoder, layout: SegmentLayout): SegmentFeeds {
  const { tokens, source, components } = layout;
  const { cos, sin } = decoder.rotary(components);
  const shape = [source.length, decoder.headSize / 2];
  return {
    feeds: { ...slotFeeds(layout), ...bySegment("source", source, layout), cos: { shape, data: cos }, sin: { shape, data: sin } },
    slotOfRow: Int32Array.from(source.keys()),
    predictions: {
      hidden: Int32Array.from(tokens, ({ before }) => before),
      own: Int32Array.from(tokens, ({ slot }) => slot),
      targets: Int32Array.from(tokens, ({ id }) => id),
      group: Int32Array.from(tokens, ({ group }) => group),
      ofToken: Int32Array.from(tokens.keys()),
    },
  };
}

export function predictionFeeds({ hidden, targets }: Predictions): Record<string, HostArray> {
  return { "hidden.rows": { shape: [hidden.length], data: hidden }, targets: { shape: [targets.length], data: targets } };
}

/**
 * For means over a prompt's regarded visual tokens: "picture.mean" [B, P], 1 / n on those that are read and 0 elsewhere;
 * "prompt.of" [M], the prompt of each prediction, and "token.rows" [M], the token's own row.
 */
export function pictureMeanFeeds({ B, P, regarded }: SegmentLayout, { own, group }: Predictions): Record<string, HostArray> {
  const data = Float32Array.from(regarded);
  for (let b = 0; b < B; b++) {
    const ofPrompt = data.subarray(b * P, (b + 1) * P);
    const count = ofPrompt.reduce((sum, flag) => sum + flag, 0);
    ofPrompt.forEach((flag, i) => (ofPrompt[i] = flag === 0 ? 0 : 1 / count));
  }
  return {
    "picture.mean": { shape: [B, 1, P], data },
    "token.rows": { shape: [own.length], data: own },
    "prompt.of": { shape: [group.length], data: group },
  };
}

/** "row.change" [rows, 3], see `changeFields`, of rows that stand first in these slots. */
export function changeFeeds(decoder: Decoder, { B, P, N, R, groups }: SegmentLayout, slotOfRow: Int32Array): Record<string, HostArray> {
  const visual = new Uint8Array(B * P);
  groups.forEach(({ prompt }, b) => {
    readTokens(prompt, decoder.pictureToken).forEach((token, i) => (visual[b * P + i] = Number(token.visual !== null)));
  });
  const data = Float32Array.from([...slotOfRow].flatMap((slot) => {
    const group = slot < B * P ? Math.floor(slot / P) : Math.floor((slot - B * P) / (N * R));
    const values = groups[group]?.prompt.values;
    const isVisual = visual[slot] ?? 0;
    return [isVisual, values === undefined || isVisual === 1 ? 0 : 1, values?.deviations ?? 0];
  }));
  return { "row.change": { shape: [slotOfRow.length, changeFields.length], data } };
}

/** "row.regarded" [rows, 1]: 1 for rows of regarded visual tokens. */
export const regardedFeeds = ({ regarded }: SegmentLayout, slotOfRow: Int32Array): Record<string, HostArray> => ({
  "row.regarded": { shape: [slotOfRow.length, 1], data: Float32Array.from(slotOfRow, (slot) => regarded[slot] ?? 0) },
});

/** 0 for a prompt's tokens, `forbidden` for its padding, [B, P]. */
export function prefixMask(prompts: readonly PlacedPrompt[], { B, P }: Pick<Extent, "B" | "P">): HostArray {
  const data = new Float32Array(B * P);
  prompts.forEach(({ prompt }, b) => data.fill(forbidden, b * P + promptLength(prompt), (b + 1) * P));
  return { shape: [B, P], data };
}

/** Position i sees 0 … i, [size, size]. */
export function causal(size: number): HostArray {
  const data = new Float32Array(size * size);
  for (let row = 0; row < size; row++) data.fill(forbidden, row * size + row + 1, (row + 1) * size);
  return { shape: [size, size], data };
}

function prefixRows(decoder: Decoder, prompts: readonly PlacedPrompt[], sources: Sources, { B, P }: Extent, rows: number) {
  const prefix = new Int32Array(B * P);
  const components = new Int32Array(3 * rows);
  const next = prompts.map((placed, b) => {
    const { ids } = placed.prompt;
    const positions = decoder.positions(placed.prompt);
    sources.prompt(placed, prefix, b * P);
    readTokens(placed.prompt, decoder.pictureToken).forEach(({ token }, i) => {
      for (let component = 0; component < 3; component++) components[component * rows + b * P + i] = positions.components[component * ids.length + token] as number;
    });
    return positions.next;
  });
  return { prefix, components, next };
}

const extentOf = (groups: readonly SegmentGroup[]): Extent => ({
  B: groups.length,
  P: Math.max(1, ...groups.map(({ prompt }) => promptLength(prompt))),
  N: Math.max(1, ...groups.map(({ responses }) => responses.length)),
  R: Math.max(1, ...groups.flatMap(({ responses }) => responses.map((tokens) => tokens.length))),
});

/** The same sizes among few: prompts and responses a prompt, of which there are few, and tokens. */
export const paddedExtent = ({ B, P, N, R }: Extent): Extent => ({ B: bucket(B), P: bucket(P, 4), N: bucket(N), R: bucket(R, 4) });

const atLeast = ({ B, P, N, R }: Extent, least: Extent): Extent => ({
  B: Math.max(B, least.B),
  P: Math.max(P, least.P),
  N: Math.max(N, least.N),
  R: Math.max(R, least.R),
});

function tableFeeds(sources: Sources, features: HostArray, padded: boolean, least = 0): Record<string, HostArray> {
  const { text } = sources;
  const [rows, width] = features.shape as [number, number];
  // Batches without pictures still feed a features matrix.
  return { text: { shape: [text.length], data: text }, features: withRows(features, Math.max(1, least, padded ? bucket(rows, 4) : rows), width) };
}

/** A matrix with rows of zeros after its own. */
function withRows(matrix: HostArray, rows: number, width: number): HostArray {
  if (rows === matrix.shape[0]) return matrix;
  const data = new Float32Array(rows * width);
  data.set(matrix.data);
  return { shape: [rows, width], data };
}

/** Predictions of which each token has its own. */
export function onePerToken({ hidden, own, targets, group, ofToken }: Predictions): Predictions {
  const each = (numbers: Int32Array): Int32Array => ofToken.map((prediction) => numbers[prediction]!);
  return { hidden: each(hidden), own: each(own), targets: each(targets), group: each(group), ofToken: Int32Array.from(ofToken.keys()) };
}

/** Predictions with others after them that nobody asks for, so that their number is among few. */
export function paddedPredictions({ hidden, own, targets, group, ofToken }: Predictions, least = 0): Predictions {
  const padded = (numbers: Int32Array): Int32Array => {
    const all = new Int32Array(Math.max(least, bucket(numbers.length, 8)));
    all.set(numbers);
    return all;
  };
  return { hidden: padded(hidden), own: padded(own), targets: padded(targets), group: padded(group), ofToken };
}
