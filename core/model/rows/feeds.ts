/** What fills `segmentInputs` in every layout of rows, of the rows and of the slots that they stand in. */
import type { HostArray } from "../../graph/executor.ts";
import { changeFields } from "../../graph/ops/index.ts";
import type { Decoder } from "../model.ts";
import { readTokens } from "./groups.ts";
import { causal, prefixMask } from "./masks.ts";
import type { Predictions } from "./predictions.ts";
import type { SegmentLayout } from "./segments.ts";

export interface SegmentFeeds {
  readonly feeds: Record<string, HostArray>;
  /** The first slot of each row. */
  readonly slotOfRow: Int32Array;
  readonly predictions: Predictions;
}

/** Feeds of `segmentInputs` that every layout of rows has. */
export const commonFeeds = ({ table }: SegmentLayout): Record<string, HostArray> => ({
  ...table,
  one: { shape: [1], data: Float32Array.of(1) },
});

/** Feeds of `segmentInputs` where attention is over slots. */
export function slotFeeds(layout: SegmentLayout): Record<string, HostArray> {
  const { groups, P, R } = layout;
  return {
    ...commonFeeds(layout),
    "prefix.causal": causal(P),
    "prefix.mask": prefixMask(groups, layout),
    "response.causal": causal(R),
  };
}

/** Numbers of the prefix slots and of the response slots as two feeds. */
export function bySegment(what: string, numbers: Int32Array, { B, P, N, R }: SegmentLayout): Record<string, HostArray> {
  return {
    [`prefix.${what}`]: { shape: [B, P], data: numbers.slice(0, B * P) },
    [`response.${what}`]: { shape: [B, N, R], data: numbers.slice(B * P) },
  };
}

/** What rows read that stand in these slots: their embeddings' sources and their angles. */
export function rowFeeds(
  decoder: Decoder,
  { source, components }: SegmentLayout,
  slotOfRow: Int32Array,
): Record<string, HostArray> {
  const [S, T] = [source.length, slotOfRow.length];
  const ofRows = new Int32Array(3 * T);
  for (let component = 0; component < 3; component++) {
    slotOfRow.forEach((slot, row) => (ofRows[component * T + row] = components[component * S + slot]!));
  }
  const { cos, sin } = decoder.rotary(ofRows);
  const shape = [T, decoder.headSize / 2];
  return {
    "row.source": { shape: [T], data: slotOfRow.map((slot) => source[slot]!) },
    cos: { shape, data: cos },
    sin: { shape, data: sin },
  };
}

/**
 * "row.change" [rows, 3], see `changeFields`, of rows that stand first in these slots. What is changed is what text
 * reads
 * of the prompt's pictures: tokens of those that an environment gave neither change nor are changed.
 */
export function changeFeeds(
  decoder: Decoder,
  { B, P, N, R, groups, tokens }: SegmentLayout,
  slotOfRow: Int32Array,
): Record<string, HostArray> {
  const givenVisual = new Set(tokens.filter((token) => token.visual).map(({ slot }) => slot));
  const visual = new Uint8Array(B * P);
  groups.forEach(({ prompt }, b) => {
    readTokens(prompt, decoder.pictureToken).forEach((token, i) => (visual[b * P + i] = Number(token.visual !== null)));
  });
  const data = Float32Array.from(
    [...slotOfRow].flatMap((slot) => {
      const group = slot < B * P ? Math.floor(slot / P) : Math.floor((slot - B * P) / (N * R));
      const values = groups[group]?.prompt.values;
      const isVisual = visual[slot] ?? 0;
      const changes = values !== undefined && isVisual === 0 && !givenVisual.has(slot);
      return [isVisual, changes ? 1 : 0, values?.deviations ?? 0];
    }),
  );
  return { "row.change": { shape: [slotOfRow.length, changeFields.length], data } };
}

/** "row.regarded" [rows, 1]: 1 for rows of regarded visual tokens. */
export const regardedFeeds = ({ regarded }: SegmentLayout, slotOfRow: Int32Array): Record<string, HostArray> => ({
  "row.regarded": { shape: [slotOfRow.length, 1], data: Float32Array.from(slotOfRow, (slot) => regarded[slot] ?? 0) },
});
