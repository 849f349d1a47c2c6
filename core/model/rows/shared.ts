/**
 * Rows with equal histories are one row: text before the pictures that views of a prompt or several prompts have in
 * common, beginnings that responses have in common, responses that are the same; and no row is padding. Everything that
 * works on rows alone (embedding, norms, projections, feed-forward layers, head) is computed once for each; attention
 * reads them out of the padded slots they stand in.
 */
import { bucket } from "../../math/bucket.ts";
import type { Decoder } from "../model.ts";
import { bySegment, rowFeeds, type SegmentFeeds, slotFeeds } from "./feeds.ts";
import { predictionsOf } from "./predictions.ts";
import { promptLengths, type SegmentLayout } from "./segments.ts";
import { padded } from "./sizes.ts";

/**
 * Below this share of the slots, rows of their own are worth the gathering: each layer moves queries, keys, values and
 * outputs between the two.
 */
const worthwhile = 0.9;

/**
 * Feeds of `segmentInputs` in the layout "shared"; null where nearly every slot is a row of its own, or where there are
 * to be more rows and no slot is free for them.
 */
export function sharedRows(decoder: Decoder, layout: SegmentLayout): SegmentFeeds | null {
  const { rowOfSlot, slotOfRow } = findRows(layout);
  const [S, T] = [rowOfSlot.length, slotOfRow.length];
  if (T > worthwhile * S) return null;
  const filled = Float32Array.from(rowOfSlot, (row, slot) => (slotOfRow[row] === slot ? 1 : 0));
  const copies = [...rowOfSlot.keys()].filter((slot) => rowOfSlot[slot]! >= 0 && filled[slot] === 0);
  const spare = layout.padded ? rowOfSlot.indexOf(-1) : -1;
  const { least } = layout;
  if (spare < 0 && (T < least.T || copies.length < least.C)) return null;
  // Rows that are padding stand in a slot that is: no gradient comes out of it, since nothing real attends to it and
  // its own output is read by nobody. So do copies that are none.
  const rows = spare < 0 ? slotOfRow : padded(slotOfRow, Math.max(least.T, bucket(T, 8)), spare);
  const copied = spare < 0 ? copies.length : Math.max(least.C, bucket(Math.max(1, copies.length)));
  const ints = (data: Int32Array) => ({ shape: [data.length], data });
  return {
    feeds: {
      ...slotFeeds(layout),
      // What stands in the padding does not matter: nothing real attends to it.
      ...bySegment(
        "row",
        rowOfSlot.map((row) => Math.max(row, 0)),
        layout,
      ),
      ...rowFeeds(decoder, layout, rows),
      "slot.of.row": ints(rows),
      "slot.filled": { shape: [S, 1], data: filled },
      "copy.slots": ints(padded(Int32Array.from(copies), copied, spare)),
      "copy.rows": ints(
        padded(
          Int32Array.from(copies, (slot) => rowOfSlot[slot]!),
          copied,
          0,
        ),
      ),
    },
    slotOfRow: rows,
    predictions: predictionsOf(layout, rowOfSlot),
  };
}

/**
 * Number the distinct histories in the order of the first slot that has them; padding has −1. What outputs regard of a
 * picture and what is changed in the decoder are parts of a history.
 */
function findRows(layout: SegmentLayout): { readonly rowOfSlot: Int32Array; readonly slotOfRow: Int32Array } {
  const { P, source, components, groups, tokens } = layout;
  const S = source.length;
  const rowOfSlot = new Int32Array(S).fill(-1);
  const slotOfRow: number[] = [];
  /** The newest row of a row before and a source, and of each row the one before it that has the same. */
  const newest = new Map<number, number>();
  const sameBefore: number[] = [];
  const sources = source.reduce((most, one) => Math.max(most, one), 0) + 1;
  const samePlace = (a: number, b: number): boolean =>
    [0, 1, 2].every((component) => components[component * S + a] === components[component * S + b]);
  const changeOf = groups.map(({ prompt }) => prompt.values?.deviations);
  const changes = [...new Set([undefined, ...changeOf])];
  const rootOf = changeOf.map((change) => changes.indexOf(change));
  const isRegarded = (slot: number): number => layout.regarded[slot] ?? 0;
  const visit = (slot: number, before: number, root = 0): void => {
    const history = before < 0 ? root : rowOfSlot[before]! + changes.length;
    const key = (2 * history + isRegarded(slot)) * sources + source[slot]!;
    const known = newest.get(key) ?? -1;
    let row = known;
    while (row >= 0 && !samePlace(slotOfRow[row]!, slot)) row = sameBefore[row]!;
    if (row < 0) {
      row = slotOfRow.push(slot) - 1;
      sameBefore.push(known);
      newest.set(key, row);
    }
    rowOfSlot[slot] = row;
  };
  const lengths = promptLengths(layout);
  lengths.forEach((length, group) => {
    const first = group * P;
    for (let i = 0; i < length; i++) visit(first + i, i === 0 ? -1 : first + i - 1, rootOf[group]);
  });
  for (const { slot, before } of tokens) visit(slot, before);
  return { rowOfSlot, slotOfRow: Int32Array.from(slotOfRow) };
}
