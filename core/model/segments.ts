/** Prompts and their responses as the decoder's padded segments: the traced inputs, and the feeds that fill them. */
import { plus, symbol, times } from "../graph/dims.ts";
import type { HostArray } from "../graph/executor.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { concat, gatherRows, reshape } from "../graph/ops/index.ts";
import { type Decoder, type EncodedPrompt, type Parameters, type PrefixInput, type SegmentInput, promptLength } from "./model.ts";

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
export function prefixInputs(graph: Graph, decoder: Decoder, parameters: Parameters): PrefixInput {
  const [B, P] = [symbol("B"), symbol("P")];
  const source = reshape(graph.input("prefix.source", [B, P], "int32"), [times(B, P)]);
  const half = decoder.headSize / 2;
  return {
    B,
    P,
    embeddings: gatherRows(embeddingTable(graph, decoder, parameters), source),
    cos: graph.input("cos", [times(B, P), half]),
    sin: graph.input("sin", [times(B, P), half]),
    prefixCausal: graph.input("prefix.causal", [P, P]),
  };
}

/** The graph's inputs for prefixes with responses. */
export function segmentInputs(graph: Graph, decoder: Decoder, parameters: Parameters, { recompute = false } = {}): SegmentInput {
  const [B, P, N, R] = [symbol("B"), symbol("P"), symbol("N"), symbol("R")];
  const rows = plus(times(B, P), times(B, N, R));
  const half = decoder.headSize / 2;
  const prefix = reshape(graph.input("prefix.source", [B, P], "int32"), [times(B, P)]);
  const responses = reshape(graph.input("response.source", [B, N, R], "int32"), [times(B, N, R)]);
  return {
    B,
    P,
    N,
    R,
    embeddings: gatherRows(embeddingTable(graph, decoder, parameters), concat([prefix, responses], 0)),
    cos: graph.input("cos", [rows, half]),
    sin: graph.input("sin", [rows, half]),
    prefixCausal: graph.input("prefix.causal", [P, P]),
    responseCausal: graph.input("response.causal", [R, R]),
    prefixMask: reshape(graph.input("prefix.mask", [B, P]), [B, 1, 1, 1, P]),
    one: graph.input("one", [1]),
    recompute,
  };
}

/** Embeddings of the batch's text tokens, then visual features: what `source` indexes. */
function embeddingTable(graph: Graph, decoder: Decoder, parameters: Parameters): Value {
  const text = decoder.embed(parameters, graph.input("text", [symbol("K")], "int32"));
  return concat([text, graph.input("features", [symbol("F"), decoder.hiddenSize])], 0);
}

/** Numbers a padded layout needs. */
interface Extent {
  readonly B: number;
  readonly P: number;
  readonly N: number;
  readonly R: number;
}

/** Collects text ids and the sources of rows that read them or a visual feature. */
class Sources {
  readonly text: number[] = [0];
  readonly #pictureToken: number;

  constructor(pictureToken: number) {
    this.#pictureToken = pictureToken;
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
    return sources.map((source) => (source < 0 ? this.text.length - 1 - source : source));
  }

  #add(id: number): number {
    return this.text.push(id) - 1;
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

export function prefixFeeds(decoder: Decoder, prompts: readonly PlacedPrompt[], features: HostArray): Record<string, HostArray> {
  const extent = extentOf(prompts.map((prompt) => ({ ...prompt, responses: [] })));
  const sources = new Sources(decoder.pictureToken);
  const { prefix, components } = prefixRows(decoder, prompts, sources, extent, extent.B * extent.P);
  const { cos, sin } = decoder.rotary(components);
  const rows = extent.B * extent.P;
  return {
    "prefix.source": { shape: [extent.B, extent.P], data: sources.resolve(prefix) },
    "prefix.causal": causal(extent.P),
    text: { shape: [sources.text.length], data: Int32Array.from(sources.text) },
    features: atLeastOneRow(features),
    cos: { shape: [rows, decoder.headSize / 2], data: cos },
    sin: { shape: [rows, decoder.headSize / 2], data: sin },
  };
}

export interface SegmentFeeds {
  readonly feeds: Record<string, HostArray>;
  /** For each predicted token, in order of group, response, position: its group, response and position. */
  readonly places: readonly { readonly group: number; readonly response: number; readonly position: number }[];
}

/** Feeds of `segmentInputs`, and "hidden.rows" and "targets": the row whose hidden state predicts each response token. */
export function segmentFeeds(decoder: Decoder, groups: readonly SegmentGroup[], features: HostArray): SegmentFeeds {
  const extent = extentOf(groups);
  const { B, P, N, R } = extent;
  const rows = B * P + B * N * R;
  const sources = new Sources(decoder.pictureToken);
  const { prefix, components, next } = prefixRows(decoder, groups, sources, extent, rows);
  const response = new Int32Array(B * N * R);
  const hiddenRows: number[] = [];
  const targets: number[] = [];
  const places: SegmentFeeds["places"][number][] = [];
  groups.forEach(({ prompt, responses }, group) => {
    responses.forEach((tokens, index) => {
      const start = (group * N + index) * R;
      sources.response(tokens, response, start);
      tokens.forEach((token, position) => {
        const row = B * P + start + position;
        for (let component = 0; component < 3; component++) components[component * rows + row] = (next[group] as number) + position;
        hiddenRows.push(position === 0 ? group * P + promptLength(prompt) - 1 : row - 1);
        targets.push(token);
        places.push({ group, response: index, position });
      });
    });
  });
  const { cos, sin } = decoder.rotary(components);
  const half = decoder.headSize / 2;
  const feeds = {
    "prefix.source": { shape: [B, P], data: sources.resolve(prefix) },
    "prefix.causal": causal(P),
    "prefix.mask": prefixMask(groups, extent),
    "response.source": { shape: [B, N, R], data: sources.resolve(response) },
    "response.causal": causal(R),
    one: { shape: [1], data: Float32Array.of(1) },
    text: { shape: [sources.text.length], data: Int32Array.from(sources.text) },
    features: atLeastOneRow(features),
    cos: { shape: [rows, half], data: cos },
    sin: { shape: [rows, half], data: sin },
    "hidden.rows": { shape: [hiddenRows.length], data: Int32Array.from(hiddenRows) },
    targets: { shape: [targets.length], data: Int32Array.from(targets) },
  };
  return { feeds, places };
}

/**
 * For means over a prompt's visual tokens: "picture.mean" [B, P], 1 / n on the visual tokens that are read and 0 elsewhere;
 * "prompt.of" [M], the prompt of each response token, and "token.rows" [M], the token's own row.
 */
export function pictureMeanFeeds(decoder: Decoder, { feeds, places }: SegmentFeeds, prompts: readonly PlacedPrompt[]): Record<string, HostArray> {
  const [B, P] = (feeds["prefix.source"] as HostArray).shape as [number, number];
  const data = new Float32Array(B * P);
  prompts.forEach(({ prompt }, b) => {
    const read = readTokens(prompt, decoder.pictureToken);
    const visual = read.filter((token) => token.visual !== null).length;
    read.forEach((token, i) => (data[b * P + i] = token.visual === null ? 0 : 1 / visual));
  });
  const [, N, R] = (feeds["response.source"] as HostArray).shape as [number, number, number];
  const rows = places.map(({ group, response, position }) => B * P + (group * N + response) * R + position);
  return {
    "picture.mean": { shape: [B, 1, P], data },
    "token.rows": { shape: [rows.length], data: Int32Array.from(rows) },
    "prompt.of": { shape: [places.length], data: Int32Array.from(places, ({ group }) => group) },
  };
}

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

/** Batches without pictures still feed a features matrix. */
const atLeastOneRow = (features: HostArray): HostArray =>
  features.shape[0] === 0 ? { shape: [1, features.shape[1] as number], data: new Float32Array(features.shape[1] as number) } : features;
