/** Every padded slot is a row, padding too: the layout of short rows that have nothing in common. */
import type { Decoder } from "../model.ts";
import { bySegment, type SegmentFeeds, slotFeeds } from "./feeds.ts";
import type { SegmentLayout } from "./segments.ts";

/** Feeds of `segmentInputs` in the layout "padded". */
export function paddedRows(decoder: Decoder, layout: SegmentLayout): SegmentFeeds {
  const { predicted, source, components } = layout;
  const { cos, sin } = decoder.rotary(components);
  const shape = [source.length, decoder.headSize / 2];
  return {
    feeds: {
      ...slotFeeds(layout),
      ...bySegment("source", source, layout),
      cos: { shape, data: cos },
      sin: { shape, data: sin },
    },
    slotOfRow: Int32Array.from(source.keys()),
    predictions: {
      hidden: Int32Array.from(predicted, ({ before }) => before),
      own: Int32Array.from(predicted, ({ slot }) => slot),
      targets: Int32Array.from(predicted, ({ id }) => id),
      group: Int32Array.from(predicted, ({ group }) => group),
      ofToken: Int32Array.from(predicted.keys()),
    },
  };
}
