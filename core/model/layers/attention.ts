/**
 * Attention over segments. Queries of a key/value head's group are stacked, so that keys and values are never repeated,
 * and a prompt's responses share one product with its prefix. Axes: B prompts, N responses, G queries per key/value
 * head (kv), P prefix, R response, L cached and W new positions, D head size.
 */
import { type Dim, times } from "../../graph/dims.ts";
import type { Value } from "../../graph/graph.ts";
import {
  add,
  affine,
  blockAttention,
  type BlockHeads,
  changedBlockAttention,
  changedProbabilities,
  concat,
  matmul,
  replacement,
  reshape,
  softmax,
  split,
  sumLast,
  transpose,
} from "../../graph/ops/index.ts";
import { writeAt } from "../../graph/ops/decode.ts";
import type { DecodeInput, KeyValue, PrefixInput, SegmentInput, WordsInput } from "../model.ts";

/** Queries [rows, heads·D], keys and values [rows, kv·D]; queries and keys are rotated. */
export interface Projected {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** Values may be wider than heads are, [rows, kv·valueSize]: what attention gives is then [rows, heads·valueSize]. */
export type Heads = Pick<BlockHeads, "heads" | "kvHeads" | "headSize" | "valueSize">;

export function prefixAttention(
  heads: Heads,
  { q, k, v }: Projected,
  { B, P, prefixCausal, blocks, change }: PrefixInput,
): { out: Value; keyValue: KeyValue } {
  const { kv, G, D, V, scale } = sizes(heads);
  const keyValue = { key: prefixRows(k, B, P, kv, D), value: prefixRows(v, B, P, kv, V) };
  if (blocks !== null) return { out: blockAttention(heads, q, k, v, blocks), keyValue };
  const query = reshape(transpose(reshape(q, [B, P, kv, G, D]), [0, 2, 3, 1, 4]), [B, kv, times(G, P), D]);
  const scores = reshape(matmul(query, keyValue.key, { transposeB: true, scale }), [B, kv, G, P, P]);
  const probabilities = softmax(add(scores, prefixCausal));
  const flat = (x: Value): Value => reshape(x, [B, kv, times(G, P), P]);
  const read =
    change === null
      ? matmul(flat(probabilities), keyValue.value)
      : readChanged(probabilities, keyValue.value, { ...prefixFields(change, B, P), over: [1, 2, 4] }, flat);
  const out = reshape(read, [B, kv, G, P, V]);
  return { out: reshape(transpose(out, [0, 3, 1, 2, 4]), [times(B, P), heads.heads * V]), keyValue };
}

/** Prefix rows attend to their prefix; response rows to their prompt's prefix and, causally, to their own response. */
export function segmentAttention(heads: Heads, projected: Projected, input: SegmentInput): Value {
  const { change } = input;
  if (input.blocks !== null) {
    const { q, k, v } = projected;
    return change === null
      ? blockAttention(heads, q, k, v, input.blocks)
      : changedBlockAttention(heads, q, k, v, change, input.blocks);
  }
  const { kv, G, D, V, scale } = sizes(heads);
  const { B, P, N, R, responseCausal, prefixMask } = input;
  const rows: [Dim, Dim] = [times(B, P), times(B, N, R)];
  const [qp, qr] = split(projected.q, rows, 0) as [Value, Value];
  const [kp, kr] = split(projected.k, rows, 0) as [Value, Value];
  const [vp, vr] = split(projected.v, rows, 0) as [Value, Value];
  const [changeP, changeR] = change === null ? [null, null] : (split(change, rows, 0) as [Value, Value]);
  const prefix = prefixAttention(heads, { q: qp, k: kp, v: vp }, { ...input, change: changeP });
  const query = transpose(reshape(qr, [B, N, R, kv, G, D]), [0, 3, 1, 4, 2, 5]); // [B, kv, N, G, R, D]
  const own = (x: Value, size: number): Value => transpose(reshape(x, [B, N, R, kv, size]), [0, 3, 1, 2, 4]); // [B, kv, N, R, size]
  const stacked = [B, kv, N, times(G, R)];
  const onPrefix = matmul(reshape(query, [B, kv, times(N, G, R), D]), prefix.keyValue.key, { transposeB: true, scale });
  const onOwn = matmul(reshape(query, [...stacked, D]), own(kr, D), { transposeB: true, scale });
  const scores = concat(
    [
      add(reshape(onPrefix, [...stacked, P]), prefixMask),
      reshape(add(reshape(onOwn, [B, kv, N, G, R, R]), responseCausal), [...stacked, R]),
    ],
    4,
  );
  const [pPrefix, pOwn] = split(softmax(scores), [P, R], 4) as [Value, Value];
  const flat = (x: Value): Value => reshape(x, [B, kv, times(N, G, R), P]);
  const read = (): Value => {
    if (changeP === null || changeR === null) return matmul(flat(pPrefix), prefix.keyValue.value);
    const [, changes, deviations] = fields(changeR, [B, 1, N, 1, R, 1]);
    const { visual } = prefixFields(changeP, B, P);
    const known = { visual: reshape(visual, [B, 1, 1, 1, 1, P]), changes, deviations, over: [1, 3, 5] };
    return readChanged(reshape(pPrefix, [B, kv, N, G, R, P]), prefix.keyValue.value, known, flat);
  };
  const fromPrefix = reshape(read(), [...stacked, V]);
  const out = reshape(add(fromPrefix, matmul(pOwn, own(vr, V))), [B, kv, N, G, R, V]);
  return concat([prefix.out, reshape(transpose(out, [0, 2, 4, 1, 3, 5]), [times(B, N, R), heads.heads * V])], 0);
}

/**
 * Some new tokens per response: they attend to their prompt's prefix, to what is cached of their response and,
 * causally, to each other.
 */
export function wordsAttention(
  heads: Heads,
  { q, k, v }: Projected,
  input: WordsInput,
  layer: number,
): { out: Value; keyValue: KeyValue } {
  const { kv, G, D, scale } = sizes(heads);
  const { B, N, P, L, W, mask, causal } = input;
  const prefix = input.prefix[layer] as KeyValue;
  const own = input.own[layer] as KeyValue;
  const rows = (x: Value): Value => transpose(reshape(x, [B, N, W, kv, D]), [0, 3, 1, 2, 4]); // [B, kv, N, W, D]
  const keyValue = { key: rows(k), value: rows(v) };
  const query = transpose(reshape(q, [B, N, W, kv, G, D]), [0, 3, 1, 4, 2, 5]); // [B, kv, N, G, W, D]
  const stacked = [B, kv, N, times(G, W)];
  const onCached = concat(
    [
      reshape(matmul(reshape(query, [B, kv, times(N, G, W), D]), prefix.key, { transposeB: true, scale }), [
        ...stacked,
        P,
      ]),
      matmul(reshape(query, [...stacked, D]), own.key, { transposeB: true, scale }),
    ],
    4,
  );
  const onNew = reshape(matmul(reshape(query, [...stacked, D]), keyValue.key, { transposeB: true, scale }), [
    B,
    kv,
    N,
    G,
    W,
    W,
  ]);
  const scores = concat([add(onCached, mask), reshape(add(onNew, causal), [...stacked, W])], 4);
  const [pPrefix, pOwn, pNew] = split(softmax(scores), [P, L, W], 4) as [Value, Value, Value];
  const fromPrefix = reshape(matmul(reshape(pPrefix, [B, kv, times(N, G, W), P]), prefix.value), [...stacked, D]);
  const attended = reshape(add(add(fromPrefix, matmul(pOwn, own.value)), matmul(pNew, keyValue.value)), [
    B,
    kv,
    N,
    G,
    W,
    D,
  ]);
  return { out: reshape(transpose(attended, [0, 2, 4, 1, 3, 5]), [times(B, N, W), heads.heads * D]), keyValue };
}

/**
 * One new token per response: attends to its prompt's prefix, to its own cache and to itself.
 * @param projected queries and keys, rotated, [rows, kv·(G + 1)·D]: for each key/value head its queries, then its key;
 *   values [rows, kv·D]
 */
export function decodeAttention(
  heads: Heads,
  projected: { readonly queriesAndKeys: Value; readonly v: Value },
  input: DecodeInput,
  layer: number,
): { out: Value; keyValue: KeyValue } {
  const { kv, G, D, scale } = sizes(heads);
  const { B, N, P, L, mask } = input;
  const prefix = input.prefix[layer] as KeyValue;
  const own = input.own[layer] as KeyValue;
  const [query, key] = split(
    transpose(reshape(projected.queriesAndKeys, [B, N, kv, G + 1, D]), [0, 2, 1, 3, 4]),
    [G, 1],
    3,
  ) as [Value, Value]; // [B, kv, N, G | 1, D]
  const value = transpose(reshape(projected.v, [B, N, kv, 1, D]), [0, 2, 1, 3, 4]); // [B, kv, N, 1, D]
  const onPrefix = matmul(reshape(query, [B, kv, times(N, G), D]), prefix.key, { transposeB: true, scale });
  const { place } = input;
  if (place !== null) {
    // Written before they are read: nothing then stands between the cache and what takes its memory.
    const written = { key: writeAt(own.key, key, place, 3), value: writeAt(own.value, value, place, 3) };
    const all = concat(
      [reshape(onPrefix, [B, kv, N, G, P]), matmul(query, written.key, { transposeB: true, scale })],
      4,
    );
    const [ofPrefix, ofOwn] = split(softmax(add(all, mask)), [P, L], 4) as [Value, Value];
    const prefixPart = reshape(matmul(reshape(ofPrefix, [B, kv, times(N, G), P]), prefix.value), [B, kv, N, G, D]);
    const attended = add(prefixPart, matmul(ofOwn, written.value));
    return { out: reshape(transpose(attended, [0, 2, 1, 3, 4]), [times(B, N), heads.heads * D]), keyValue: written };
  }
  const scores = concat(
    [
      reshape(onPrefix, [B, kv, N, G, P]),
      matmul(query, own.key, { transposeB: true, scale }),
      matmul(query, key, { transposeB: true, scale }),
    ],
    4,
  );
  const [pPrefix, pOwn, pNewest] = split(softmax(add(scores, mask)), [P, L, 1], 4) as [Value, Value, Value];
  const fromPrefix = reshape(matmul(reshape(pPrefix, [B, kv, times(N, G), P]), prefix.value), [B, kv, N, G, D]);
  const out = add(add(fromPrefix, matmul(pOwn, own.value)), matmul(pNewest, value));
  const rows = (x: Value): Value => reshape(x, [B, kv, N, D]);
  return {
    out: reshape(transpose(out, [0, 2, 1, 3, 4]), [times(B, N), heads.heads * D]),
    keyValue: { key: rows(key), value: rows(value) },
  };
}

/**
 * What attention reads of values [B, kv, P, V] where some of it is replaced; `flat` brings probabilities to [B, kv,
 * queries, P].
 */
function readChanged(
  p: Value,
  value: Value,
  known: Omit<Parameters<typeof changedProbabilities>[0], "p">,
  flat: (x: Value) => Value,
): Value {
  const { kept, replaced, seen } = changedProbabilities({ p, ...known });
  const size = value.shape[3] as number;
  return add(matmul(flat(kept), value), replacement(flat(replaced), flat(seen), affine(sumLast(value), 1 / size)));
}

/** The fields of rows [rows, 3], each of a shape of so many numbers. */
const fields = (change: Value, shape: readonly Dim[]): readonly [Value, Value, Value] =>
  split(change, [1, 1, 1], 1).map((field) => reshape(field, shape)) as [Value, Value, Value];

/** Of a prefix's slots: as keys, and as queries. */
function prefixFields(change: Value, B: Dim, P: Dim): Record<"visual" | "changes" | "deviations", Value> {
  const [visual] = fields(change, [B, 1, 1, 1, P]);
  const [, changes, deviations] = fields(change, [B, 1, 1, P, 1]);
  return { visual, changes, deviations };
}

function sizes({ heads, kvHeads: kv, headSize: D, valueSize: V = D }: Heads) {
  return { kv, G: heads / kv, D, V, scale: 1 / Math.sqrt(D) };
}

/** [B·P, kv·D] → [B, kv, P, D]. */
const prefixRows = (x: Value, B: Dim, P: Dim, kv: number, D: number): Value =>
  transpose(reshape(x, [B, P, kv, D]), [0, 2, 1, 3]);
