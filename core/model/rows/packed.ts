/**
 * Every token is a row, prompts' first and then responses', without padding between them: the layout of long rows,
 * whose attention is computed in blocks.
 */
import { bucket } from "../../math/bucket.ts";
import type { Decoder } from "../model.ts";
import { type AttentionSegment, blockFeeds, tileFeeds } from "./attention-blocks.ts";
import { commonFeeds, rowFeeds, type SegmentFeeds } from "./feeds.ts";
import { predictionsOf } from "./predictions.ts";
import { promptLengths, type SegmentLayout } from "./segments.ts";
import { padded } from "./sizes.ts";

/**
 * Feeds of `segmentInputs` in the layout "packed", and "prefix.row" [B, P], the row of each prefix slot (0 in the
 * padding).
 */
export function packedRows(decoder: Decoder, layout: SegmentLayout): SegmentFeeds {
  const { B, P, source } = layout;
  const rowOfSlot = new Int32Array(source.length).fill(-1);
  const slots: number[] = [];
  const segments: AttentionSegment[] = [];
  const add = (firstSlot: number, length: number, seen: AttentionSegment["seen"]): void => {
    const start = slots.length;
    for (let i = 0; i < length; i++) rowOfSlot[firstSlot + i] = slots.push(firstSlot + i) - 1;
    if (length > 0) segments.push({ start, end: start + length, seen, causal: true });
  };
  const prefixes = [...promptLengths(layout)].map((length, group) => {
    const start = slots.length;
    add(group * P, length, [0, 0]);
    return [start, start + length] as const;
  });
  for (const { group, length, slot } of responsesOf(layout)) add(slot, length, prefixes[group]!);
  const T = layout.padded ? Math.max(layout.least.T, bucket(slots.length, 8)) : slots.length;
  // Rows that are padding are what the first is, attend to nothing and are read by nobody.
  const slotOfRow = padded(slots, T, slots[0] ?? 0);
  const attention = layout.padded
    ? tileFeeds("attention", segments, slotOfRow.length, layout.least)
    : blockFeeds("attention", segments, decoder.heads);
  return {
    feeds: {
      ...commonFeeds(layout),
      ...rowFeeds(decoder, layout, slotOfRow),
      ...attention,
      "prefix.row": { shape: [B, P], data: rowOfSlot.slice(0, B * P).map((row) => Math.max(row, 0)) },
    },
    slotOfRow,
    predictions: predictionsOf(layout, rowOfSlot),
  };
}

/** A response's first slot, and how many there are. */
interface SlottedResponse {
  readonly group: number;
  readonly slot: number;
  readonly length: number;
}

/** In the order of their slots. */
const responsesOf = ({ tokens }: SegmentLayout): SlottedResponse[] =>
  tokens.flatMap(({ group, response, position, slot }, i) => {
    const next = tokens[i + 1];
    const isLast = next === undefined || next.group !== group || next.response !== response;
    return isLast ? [{ group, slot: slot - position, length: position + 1 }] : [];
  });
