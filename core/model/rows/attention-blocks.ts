/**
 * Which blocks of queries the attention of long rows is computed in: the inputs of ops/block-attention.ts, and what
 * fills them.
 */
import { symbol } from "../../graph/dims.ts";
import type { HostArray } from "../../graph/executor.ts";
import type { Graph } from "../../graph/graph.ts";
import type { AttentionBlocks } from "../../graph/ops/index.ts";
import { blockFields, scoresAtOnce } from "../../graph/ops/block-attention.ts";

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
export function runSegments(lengths: readonly number[]): AttentionSegment[] {
  let end = 0;
  return lengths.map((length) => {
    const start = end;
    end += length;
    return { start, end, seen: [start, end], causal: false };
  });
}

/** Pictures of as many patches, of one frame or tile, are attended in blocks. */
export const longPicture = 1024;

/** Rows of as many tokens, prompt and response together, are attended in blocks. */
export const longRow = 512;

/** Fewer queries than these are not worth a block of their own. */
const fewestQueries = 32;

export const blockInputs = (graph: Graph, name: string): AttentionBlocks => ({
  blocks: graph.input(`${name}.blocks`, [symbol(`${name}.count`), blockFields.length], "int32"),
  keyRows: graph.input(`${name}.keys`, [symbol(`${name}.keys`)], "int32"),
});

/** Feeds of `blockInputs`; the segments are all rows, in order. */
export function blockFeeds(name: string, segments: readonly AttentionSegment[], heads: number): Record<string, HostArray> {
  const blocks: number[] = [];
  const keyRows: number[] = [];
  for (const segment of segments) {
    const { start, end, seen: [seen0, seen1], causal } = segment;
    const keys = seen1 - seen0 + (causal ? end - start : 0);
    for (let row = seen0; row < seen1; row++) keyRows.push(row);
    for (let row = start; causal && row < end; row++) keyRows.push(row);
    const count = Math.ceil((end - start) / Math.max(fewestQueries, Math.floor(scoresAtOnce / (heads * keys))));
    for (let block = 0; block < count; block++) {
      const [q0, q1] = [block, block + 1].map((edge) => start + Math.floor((edge * (end - start)) / count)) as [number, number];
      const [isFirst, isLast] = [block === 0, block === count - 1];
      blocks.push(q0, q1, seen0, seen1, causal ? start : q1, causal ? q1 - q0 : 0, keys, isLast ? 0 : keys, isFirst ? keys : 0);
    }
  }
  return {
    [`${name}.blocks`]: { shape: [blocks.length / blockFields.length, blockFields.length], data: Int32Array.from(blocks) },
    [`${name}.keys`]: { shape: [keyRows.length], data: Int32Array.from(keyRows) },
  };
}
