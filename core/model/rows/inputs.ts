/** The traced inputs of prompts and their responses as the decoder's segments. */
import { plus, symbol, times } from "../../graph/dims.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { changeFields, concat, gatherRows, reshape, split, zeros } from "../../graph/ops/index.ts";
import type { Decoder, Parameters, PrefixInput, SegmentInput } from "../model.ts";
import { blockInputs } from "./attention-blocks.ts";
import { rowSlots } from "./slots.ts";

/** The graph's inputs for prefixes alone. */
export function prefixInputs(
  graph: Graph,
  decoder: Decoder,
  parameters: Parameters,
  { inBlocks = false } = {},
): PrefixInput {
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
 * How tokens are rows of a pass: "padded": every padded slot is a row (padded.ts); "shared": tokens of equal histories
 * are one row that stands in several slots (shared.ts); "packed": every token is a row, and attention is computed in
 * blocks of rows (packed.ts).
 */
export type RowLayout = "padded" | "shared" | "packed";

/** What a pass is traced with besides its model. */
export interface SegmentOptions {
  /** See `recomputed`. Default false. */
  readonly recompute?: boolean;
  /** Default "padded". */
  readonly layout?: RowLayout;
  /** Some prompts change what attention reads. Default false. */
  readonly changesValues?: boolean;
}

/** The graph's inputs for prefixes with responses, in one of the layouts. */
export function segmentInputs(
  graph: Graph,
  decoder: Decoder,
  parameters: Parameters,
  { recompute = false, layout = "padded", changesValues = false }: SegmentOptions = {},
): SegmentInput {
  const [B, P, N, R] = [symbol("B"), symbol("P"), symbol("N"), symbol("R")];
  const half = decoder.headSize / 2;
  const places = (what: string): Value => {
    const ofPrefixes = reshape(graph.input(`prefix.${what}`, [B, P], "int32"), [times(B, P)]);
    const ofResponses = reshape(graph.input(`response.${what}`, [B, N, R], "int32"), [times(B, N, R)]);
    return concat([ofPrefixes, ofResponses], 0);
  };
  const rows = layout === "padded" ? plus(times(B, P), times(B, N, R)) : symbol("T");
  const source = layout === "padded" ? places("source") : graph.input("row.source", [rows], "int32");
  return {
    B,
    P,
    N,
    R,
    ...embeddingRows(graph, decoder, parameters, source),
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

/**
 * Rows of the batch's text tokens and visual features, which `source` numbers in this order: embeddings, and what is
 * added after the first layers.
 */
export function embeddingRows(
  graph: Graph,
  decoder: Decoder,
  parameters: Parameters,
  source: Value,
): Pick<PrefixInput, "embeddings" | "deep"> {
  const { hiddenSize, deepFeatures } = decoder;
  const text = decoder.embed(parameters, graph.input("text", [symbol("K")], "int32"));
  const features = graph.input("features", [symbol("F"), (1 + deepFeatures) * hiddenSize]);
  const [first, ...deep] = split(features, new Array<number>(1 + deepFeatures).fill(hiddenSize), 1) as [
    Value,
    ...Value[],
  ];
  const rows = (ofText: Value, ofPictures: Value): Value => gatherRows(concat([ofText, ofPictures], 0), source);
  return { embeddings: rows(text, first), deep: deep.map((further) => rows(zeros(graph, text.shape), further)) };
}
