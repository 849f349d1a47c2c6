/**
 * What response tokens have to do with their prompt's visual tokens, traced: similarity of hidden states, and attention
 * by layers and heads.
 */
import { type Shape, symbol, times } from "../../graph/dims.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import {
  add,
  affine,
  concat,
  exp,
  gatherRows,
  log,
  matmul,
  mul,
  reshape,
  split,
  sumLast,
  zeros,
} from "../../graph/ops/index.ts";
import { type AttentionStatistic, partsOf } from "../../model/attention-statistics.ts";
import type { Decoder, SegmentInput, TracedSegments } from "../../model/model.ts";
import { intoSlots } from "../../model/rows/slots.ts";

const M = symbol("M");

/** A pass whose tokens are looked at. */
export interface PictureGraph extends TracedSegments {
  readonly graph: Graph;
  readonly decoder: Decoder;
  readonly segments: SegmentInput;
}

/** Cosine of each response token's own hidden state with the mean over its prompt's visual tokens, [M]. */
export function pictureSimilarity(pass: PictureGraph): Value {
  const { hidden, decoder } = pass;
  const [rows, mean] = [ofTokens(pass, hidden), pictureMean(pass, hidden, decoder.hiddenSize)]; // [M, hidden]
  return reshape(mul(mul(sumLast(mul(rows, mean)), inverseNorm(rows)), inverseNorm(mean)), [M]);
}

/**
 * A statistic of the attention of response tokens' queries to the visual tokens of their prompt, mean over layers and
 * heads, [M].
 */
export function traceAttention(statistic: AttentionStatistic, pass: PictureGraph): Value {
  const { layers, heads } = partsOf(statistic, pass.decoder);
  const byHead = layers.map((layer) =>
    statistic.kind === "pictureAttention" ? ofTokens(pass, pass.toPicture.get(layer)!) : alignment(pass, layer),
  ); // [M, heads]
  const total = byHead.reduce(add);
  const chosen = heads.length === pass.decoder.heads ? total : mul(total, ones(pass.graph, heads, pass.decoder.heads));
  return reshape(affine(sumLast(chosen), 1 / (layers.length * heads.length)), [M]);
}

/**
 * Cosine of each token's queries with its prompt's visual keys, mean over these, by head, [M, heads]: that of the mean
 * of the keys, each of length 1.
 */
function alignment(pass: PictureGraph, layer: number): Value {
  const { heads, keyValueHeads: kv, headSize: D } = pass.decoder;
  const { q, k } = pass.queriesAndKeys(layer);
  const rows = k.shape[0] as Value["shape"][number];
  const unit = (x: Value): Value => mul(x, inverseNorm(x));
  const keys = pictureMean(pass, reshape(unit(reshape(k, [rows, kv, D])), [rows, kv * D]), kv * D);
  const queries = unit(reshape(ofTokens(pass, q), [M, kv, heads / kv, D]));
  return reshape(sumLast(mul(queries, reshape(keys, [M, kv, 1, D]))), [M, heads]);
}

/** Rows of response tokens themselves, [M, size]. */
const ofTokens = ({ graph }: PictureGraph, rows: Value): Value =>
  gatherRows(rows, fed(graph, "token.rows", [M], "int32"));

/** An input that several outputs read. */
const fed = (graph: Graph, name: string, shape: Shape, dtype: "float32" | "int32" = "float32"): Value =>
  graph.inputs.get(name) ?? graph.input(name, shape, dtype);

/** Mean of rows [rows, size] over the visual tokens of each response token's prompt, [M, size]; 0 without any. */
function pictureMean({ graph, segments }: PictureGraph, rows: Value, size: number): Value {
  const { B, P } = segments;
  const slots = prefixSlots(graph, rows, segments);
  const means = matmul(fed(graph, "picture.mean", [B, 1, P]), reshape(slots, [B, P, size])); // [B, 1, size]
  return gatherRows(reshape(means, [B, size]), fed(graph, "prompt.of", [M], "int32"));
}

/** The prefix slots' rows, [B·P, size]. */
function prefixSlots(graph: Graph, rows: Value, { B, P, N, R, slots, blocks }: SegmentInput): Value {
  if (blocks !== null) return gatherRows(rows, reshape(fed(graph, "prefix.row", [B, P], "int32"), [times(B, P)]));
  return split(slots === null ? rows : intoSlots(rows, slots), [times(B, P), times(B, N, R)], 0)[0] as Value;
}

/** 1 at some places of `count` and 0 at the others, [count]. */
function ones(graph: Graph, places: readonly number[], count: number): Value {
  const one = affine(zeros(graph, [1]), 1, 1);
  return concat(
    Array.from({ length: count }, (_, place) => (places.includes(place) ? one : zeros(graph, [1]))),
    0,
  );
}

const inverseNorm = (x: Value): Value => exp(affine(log(affine(sumLast(mul(x, x)), 1, tiny)), -0.5));

/** Keeps the cosine with a mean of nothing at 0. */
const tiny = 1e-20;
