/**
 * Attention of vision towers: runs of rows (windows, whole pictures) attend among themselves, laid out as one padded
 * block.
 */
import { bucket } from "../../math/bucket.ts";
import { symbol, times } from "../../graph/dims.ts";
import type { HostArray } from "../../graph/executor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import {
  add,
  affine,
  type AttentionBlocks,
  blockAttention,
  matmul,
  mul,
  pack,
  reshape,
  type RowPacking,
  softmax,
  sum,
  transpose,
  unpack,
} from "../../graph/ops/index.ts";

/** S runs of up to L rows. */
export interface PackedRuns {
  readonly packing: RowPacking;
  readonly S: ReturnType<typeof symbol>;
  readonly L: ReturnType<typeof symbol>;
  /** Additive, [S, 1, 1, L]. */
  readonly mask: Value;
}

/** Queries, keys and values of all rows, [T, hidden]; queries and keys are rotated where they are. */
export interface TowerProjections {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

export interface TowerAttention {
  /** [T, hidden]. */
  readonly attended: Value;
  /** What each row receives: mean over heads, summed over the queries that are real, [T, 1]. */
  readonly received: () => Value;
}

/** @param runs which rows attend among themselves; in blocks, what rows receive is not to be had */
export function packedAttention(
  { q, k, v }: TowerProjections,
  heads: number,
  hiddenSize: number,
  runs: PackedRuns | AttentionBlocks,
): TowerAttention {
  const size = hiddenSize / heads;
  if ("blocks" in runs)
    return {
      attended: blockAttention({ heads, kvHeads: heads, headSize: size }, q, k, v, runs),
      received: notInBlocks,
    };
  const { packing, S, L, mask } = runs;
  const block = (rows: Value): Value => transpose(reshape(pack(rows, packing), [S, L, heads, size]), [0, 2, 1, 3]); // [S, heads, L, size]
  const scores = matmul(block(q), block(k), { transposeB: true, scale: 1 / Math.sqrt(size) });
  const probabilities = softmax(add(scores, mask)); // [S, heads, L, L]
  const out = matmul(probabilities, block(v)); // [S, heads, L, size]
  const received = (): Value => {
    const asked = mul(probabilities, reshape(packing.filled, [S, 1, L, 1]));
    return unpack(reshape(affine(sum(asked, [1, 2]), 1 / heads), [times(S, L), 1]), packing);
  };
  return { attended: unpack(reshape(transpose(out, [0, 2, 1, 3]), [times(S, L), hiddenSize]), packing), received };
}

export const notInBlocks = (): never => {
  throw new Error(
    "attention that is computed in blocks exists nowhere whole: trace what patches receive without blocks",
  );
};

/** The inputs that `packingFeeds` fills; rows come in units of `unit`, [F, unit]. */
export function packingInputs(graph: Graph, name: string, F: ReturnType<typeof symbol>, unit: number): PackedRuns {
  const [S, L] = [symbol(`${name}.S`), symbol(`${name}.L`)];
  const filled = graph.input(`${name}.filled`, [S, L]);
  const packing = {
    rowOfSlot: reshape(graph.input(`${name}.rowOfSlot`, [S, L], "int32"), [times(S, L)]),
    slotOfRow: reshape(graph.input(`${name}.slotOfRow`, [F, unit], "int32"), [times(unit, F)]),
    filled: reshape(filled, [times(S, L), 1]),
  };
  return { packing, S, L, mask: reshape(affine(filled, 1e9, -1e9), [S, 1, 1, L]) };
}

export interface PackingOptions {
  readonly unit: number;
  /** How many there are, those of the runs first. */
  readonly rows: number;
  /** All sizes are among few. */
  readonly padded: boolean;
}

/** Slots of runs of the given lengths, which cover rows 0 … Σ lengths in order. */
export function packingFeeds(
  name: string,
  lengths: readonly number[],
  { unit, rows, padded }: PackingOptions,
): Record<string, HostArray> {
  const own = lengths.reduce((a, b) => a + b, 0);
  const L = padded ? bucket(Math.max(...lengths), 8) : Math.max(...lengths);
  const least = padded ? bucket(lengths.length) : lengths.length;
  const S = rows > own && least * L === own ? bucket(least + 1) : least;
  const rowOfSlot = new Int32Array(S * L);
  const filled = new Float32Array(S * L);
  const slotOfRow = new Int32Array(rows);
  let row = 0;
  lengths.forEach((length, run) => {
    for (let i = 0; i < length; i++, row++) {
      rowOfSlot[run * L + i] = row;
      slotOfRow[row] = run * L + i;
      filled[run * L + i] = 1;
    }
  });
  // Rows of no run stand in a slot that is not filled: nothing is read of it, and no gradient comes out of it.
  slotOfRow.fill(filled.indexOf(0), own);
  return {
    [`${name}.rowOfSlot`]: { shape: [S, L], data: rowOfSlot },
    [`${name}.slotOfRow`]: { shape: [rows / unit, unit], data: slotOfRow },
    [`${name}.filled`]: { shape: [S, L], data: filled },
  };
}

/**
 * The mean over blocks of what rows receive, [T, 1] each, added up over the `unit` rows of each visual token, [F].
 * @throws Error where there is no block
 */
export function receivedByTokens(received: readonly Value[], F: ReturnType<typeof symbol>, unit: number): Value {
  const [first, ...more] = received;
  if (first === undefined)
    throw new Error(
      "this vision tower has no block of full attention, so that nothing says what its patches attend to",
    );
  const mean = affine(more.reduce(add, first), 1 / received.length);
  return reshape(sum(reshape(mean, [F, unit]), [1]), [F]);
}
