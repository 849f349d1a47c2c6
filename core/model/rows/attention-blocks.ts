/**
 * Which blocks of queries the attention of long rows is computed in: the inputs of ops/block-attention.ts, and what
 * fills them.
 */
import { symbol } from "../../graph/dims.ts";
import type { Executor, HostArray } from "../../graph/executor.ts";
import type { Graph } from "../../graph/graph.ts";
import type { AttentionBlocks } from "../../graph/ops/index.ts";
import { blockFields, scoresAtOnce, tileFields, tileSize } from "../../graph/ops/block-attention.ts";
import { bucket } from "../../math/bucket.ts";

/**
 * Rows that attend to others in one way: rows start … end − 1 read the rows of `seen` whole, and with `causal` those of
 * their own up to themselves.
 */
export interface AttentionSegment {
  readonly start: number;
  readonly end: number;
  readonly seen: readonly [start: number, end: number];
  readonly causal: boolean;
}

/** Runs of rows, one after the other, that attend among themselves. */
function runSegments(lengths: readonly number[]): AttentionSegment[] {
  let end = 0;
  return lengths.map((length) => {
    const start = end;
    end += length;
    return { start, end, seen: [start, end], causal: false };
  });
}

/** Pictures of as many patches, of one frame or tile, are attended in blocks. */
const longPicture = 1024;

/** Rows of as many tokens, prompt and response together, are attended in blocks. */
const longRow = 512;

/** The same of both where programs have fixed sizes: tiles pay later than blocks that fit their rows. */
const longForTiles = 1280;

/** What of an executor says whether attention is computed in blocks. */
export type BlockExecutor = Pick<Executor, "attendsInBlocks" | "fixedSizes">;

const longRowOf = ({ fixedSizes = false }: BlockExecutor): number => (fixedSizes ? longForTiles : longRow);

/** Whether a decoder attends in blocks to rows of as many tokens. @param from how many are enough */
export const readsInBlocks = (tokens: number, executor: BlockExecutor, from = longRowOf(executor)): boolean =>
  executor.attendsInBlocks === true && tokens >= from;

/** Whether a vision tower attends to these pictures in blocks. */
export function seesInBlocks(
  pictures: readonly { readonly grid: readonly [frames: number, height: number, width: number] }[],
  { attendsInBlocks = false, fixedSizes = false }: BlockExecutor,
): boolean {
  const long = fixedSizes ? longForTiles : longPicture;
  return attendsInBlocks && pictures.some(({ grid: [, height, width] }) => height * width >= long);
}

/** Fewer queries than these are not worth a block of their own. */
const fewestQueries = 32;

export const blockInputs = (graph: Graph, name: string): AttentionBlocks => ({
  blocks: graph.input(`${name}.blocks`, [symbol(`${name}.count`), symbol(`${name}.fields`)], "int32"),
  keyRows: graph.input(`${name}.keys`, [symbol(`${name}.keys`)], "int32"),
});

/**
 * Rows whose keys a segment reads, those that it sees before its own; gradients of keys come in this order.
 * @returns how many they are
 */
function addKeys(keyRows: number[], { start, end, seen: [seen0, seen1], causal }: AttentionSegment): number {
  const before = keyRows.length;
  for (let row = seen0; row < seen1; row++) keyRows.push(row);
  for (let row = start; causal && row < end; row++) keyRows.push(row);
  return keyRows.length - before;
}

/** Feeds of `blockInputs`; the segments are all rows, in order. */
export function blockFeeds(
  name: string,
  segments: readonly AttentionSegment[],
  heads: number,
): Record<string, HostArray> {
  const blocks: number[] = [];
  const keyRows: number[] = [];
  for (const segment of segments) {
    const {
      start,
      end,
      seen: [seen0, seen1],
      causal,
    } = segment;
    const keys = addKeys(keyRows, segment);
    const count = Math.ceil((end - start) / Math.max(fewestQueries, Math.floor(scoresAtOnce / (heads * keys))));
    for (let block = 0; block < count; block++) {
      const [q0, q1] = [block, block + 1].map((edge) => start + Math.floor((edge * (end - start)) / count)) as [
        number,
        number,
      ];
      const [isFirst, isLast] = [block === 0, block === count - 1];
      blocks.push(
        q0,
        q1,
        seen0,
        seen1,
        causal ? start : q1,
        causal ? q1 - q0 : 0,
        keys,
        isLast ? 0 : keys,
        isFirst ? keys : 0,
      );
    }
  }
  return {
    [`${name}.blocks`]: {
      shape: [blocks.length / blockFields.length, blockFields.length],
      data: Int32Array.from(blocks),
    },
    [`${name}.keys`]: { shape: [keyRows.length], data: Int32Array.from(keyRows) },
  };
}

/** Sizes of `tileFeeds`. */
export interface TileSizes {
  readonly tiles: number;
  readonly keys: number;
}

/**
 * Feeds of `blockInputs` for programs of fixed sizes: tiles, as many of them and of their keys as are few sizes.
 * @param rows of which the segments are the first, in order @param least what sizes are brought to at least
 */
export function tileFeeds(
  name: string,
  segments: readonly AttentionSegment[],
  rows: number,
  least: TileSizes = { tiles: 0, keys: 0 },
): Record<string, HostArray> {
  const keyRows: number[] = [];
  const tiles = segments.flatMap((segment) => {
    const tilesOfSegment = tilesOf(segment, keyRows.length);
    addKeys(keyRows, segment);
    return tilesOfSegment;
  });
  const count = Math.max(least.tiles, bucket(Math.max(1, tiles.length), 4));
  const keys = new Int32Array(Math.max(least.keys, bucket(Math.max(1, keyRows.length), 4)));
  keys.set(keyRows);
  // Without queries and keys, and with places behind the last: nothing is read of what they write.
  const none = [rows, rows, rows, rows, 0, 1, keys.length];
  const table = Int32Array.from(Array.from({ length: count }, (_, i) => tiles[i] ?? none).flat());
  return {
    [`${name}.blocks`]: { shape: [count, tileFields.length], data: table },
    [`${name}.keys`]: { shape: [keys.length], data: keys },
  };
}

/** Feeds of `blockInputs` for runs of rows that attend among themselves, the first of so many rows. */
export function runFeeds(
  name: string,
  lengths: readonly number[],
  { heads, rows, padded }: { readonly heads: number; readonly rows: number; readonly padded: boolean },
): Record<string, HostArray> {
  return padded ? tileFeeds(name, runSegments(lengths), rows) : blockFeeds(name, runSegments(lengths), heads);
}

/** @param place of the segment's first key among all segments' keys */
function tilesOf({ start, end, seen: [seen0, seen1], causal }: AttentionSegment, place: number): number[][] {
  const tiles: number[][] = [];
  for (let q0 = start; q0 < end; q0 += tileSize.queries) {
    const q1 = Math.min(q0 + tileSize.queries, end);
    const before = tiles.length;
    const add = (from: number, to: number, isOwn: number, at: number): void => {
      for (let k0 = from; k0 < to; k0 += tileSize.keys) {
        tiles.push([
          q0,
          q1,
          k0,
          Math.min(k0 + tileSize.keys, to),
          isOwn,
          tiles.length === before ? 1 : 0,
          at + k0 - from,
        ]);
      }
    };
    add(seen0, seen1, 0, place);
    if (causal) add(start, q1, 1, place + seen1 - seen0);
  }
  return tiles;
}
