/**
 * Attention of long rows, a block of queries at a time: scores [heads, queries of a block, keys] exist for one block,
 * in the pass back again, and never whole. Work is a list of blocks given at run time, so that one program serves all
 * lengths, and neither padding nor keys that come later are computed. OpenXLA: xla/attention-tiles.ts.
 */
import { at, sameShape, type Shape } from "../dims.ts";
import { type Attributes, type Op, type Value, first } from "../graph.ts";
import { attendInLoop, attendInLoopBack } from "../onnx/attention-loop.ts";
import { scatterAddRows } from "./rows.ts";
import { zeros } from "./shape.ts";

/**
 * Heads of queries, heads of keys and values (each serves heads / kvHeads of the queries'), and the size of a head; of
 * its values too, where none is said.
 */
export interface BlockHeads extends Attributes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly valueSize?: number;
}

/**
 * Blocks of queries, all rows of a segment in blocks, segment after segment; together they are all rows in order. The
 * queries q0 … q1 of a block read the keys seen0 … seen1, and of the keys own0 … q1 those up to themselves where own0 <
 * q1.
 */
export interface AttentionBlocks {
  /** int32 [blocks, blockFields.length]: see `blockFields`; for programs of fixed sizes `tileFields`. */
  readonly blocks: Value;
  /** The keys of all segments, seen ones and then own ones, segment after segment, as rows: int32 [K]. */
  readonly keyRows: Value;
}

/**
 * What a block's numbers are: its queries, keys that they see whole, the first of the segment's own keys (q1 where it
 * reads none), how many of the last keys are the block itself (0 or q1 − q0), the keys of the segment, and of these how
 * many have a gradient from its later blocks (all, or 0 at its last block) and from all blocks (all at its first one,
 * else 0).
 */
export const blockFields = ["q0", "q1", "seen0", "seen1", "own0", "itself", "keys", "later", "complete"] as const;

/**
 * The same for programs of fixed sizes: tiles of at most `tileSize` queries and keys. A tile's queries, its keys, 1
 * where these are the segment's own, of which a query reads those up to itself, 1 in the first tile of its queries,
 * whose tiles follow each other, and the place of its first key among `keyRows`. Tiles are in the order of their
 * queries; those without any come last.
 */
export const tileFields = ["q0", "q1", "k0", "k1", "isOwn", "isFirst", "place"] as const;

/**
 * Rows of a tile: enough for a product to fill a device, few enough that the scores of a tile are some megabytes and a
 * short segment is not mostly padding.
 */
export const tileSize = { queries: 256, keys: 512 } as const;

/**
 * softmax(q·kᵀ / √headSize)·v; q [rows, heads·headSize], k [rows, kvHeads·headSize], v [rows, kvHeads·valueSize] →
 * [rows, heads·valueSize].
 */
export const blockAttention = (
  { heads, kvHeads, headSize, valueSize }: BlockHeads,
  q: Value,
  k: Value,
  v: Value,
  { blocks, keyRows }: AttentionBlocks,
): Value =>
  q.graph.apply(attentionOp, [q, k, v, blocks, keyRows], {
    heads,
    kvHeads,
    headSize,
    ...(valueSize === undefined ? {} : { valueSize }),
  });

/**
 * The same where some queries read other values in the place of those they read most: `change` [rows, 3], see
 * `changeFields`. No gradient.
 */
export const changedBlockAttention = (
  { heads, kvHeads, headSize }: BlockHeads,
  q: Value,
  k: Value,
  v: Value,
  change: Value,
  { blocks, keyRows }: AttentionBlocks,
): Value => q.graph.apply(changedAttentionOp, [q, k, v, blocks, keyRows, change], { heads, kvHeads, headSize });

/**
 * Scores that exist at a time, over all heads (model/rows/attention-blocks.ts cuts blocks by it): few enough to stay in
 * a processor's cache, enough to keep its cores busy.
 */
export const scoresAtOnce = 2 ** 21;
const blockBytes = 4 * scoresAtOnce;

const attentionOp: Op<BlockHeads> = {
  name: "blockAttention",
  outputs: ([q, k, v, blocks, keyRows], { heads, kvHeads, headSize, valueSize = headSize }) => {
    if (q?.shape.length !== 2 || at(q.shape, 1) !== heads * headSize || heads % kvHeads !== 0)
      throw new Error("needs queries [rows, heads · headSize]");
    const perKey = (size: number): Shape => [at(q.shape, 0), kvHeads * size];
    if (!k || !v || !sameShape(k.shape, perKey(headSize)) || !sameShape(v.shape, perKey(valueSize)))
      throw new Error("needs keys and values [rows, kvHeads · size]");
    if (blocks?.dtype !== "int32" || blocks.shape.length !== 2 || keyRows?.dtype !== "int32")
      throw new Error("needs int32 blocks and rows of keys");
    return [{ shape: [at(q.shape, 0), heads * valueSize], dtype: "float32" }];
  },
  gradient: (node, [dy]) => {
    const [q, k, v, blocks, keyRows] = node.inputs as [Value, Value, Value, Value, Value];
    if (!dy) return [];
    const [dq, dk, dv] = q.graph.applyAll(
      attentionBackOp,
      [q, k, v, blocks, keyRows, first(node.outputs), dy],
      node.attributes,
    ) as [Value, Value, Value];
    const ofRows = (parts: Value, shape: Shape): Value => scatterAddRows(zeros(q.graph, shape), keyRows, parts);
    return [dq, ofRows(dk, k.shape), ofRows(dv, v.shape)];
  },
  onnx: (emitter, { attributes }, inputs, outputs) => attendInLoop(emitter, attributes, inputs, first(outputs)),
  // Scores of a block with their mask, keys and values by head, and the parts that are joined at the end.
  scratch: ({ inputs, outputs }, bytes) =>
    3 * blockBytes + bytes(inputs[1]!) + bytes(inputs[2]!) + bytes(first(outputs)),
};

const changedAttentionOp: Op<BlockHeads> = {
  name: "changedBlockAttention",
  outputs: attentionOp.outputs,
  onnx: (emitter, { attributes }, inputs, outputs) =>
    attendInLoop(emitter, attributes, inputs, first(outputs), inputs[5]),
  // Besides, which keys are seen and chosen, and how far their probabilities are off the mean.
  scratch: ({ inputs, outputs }, bytes) =>
    8 * blockBytes + bytes(inputs[1]!) + bytes(inputs[2]!) + bytes(first(outputs)),
};

/**
 * From the inputs, the output and its cotangent: cotangents of queries, and of keys and values for each segment that
 * reads them, in the order of `keyRows`.
 */
const attentionBackOp: Op<BlockHeads> = {
  name: "blockAttentionBack",
  outputs: ([q, k, v, , keyRows]) => {
    const parts = (of: Value): Shape => [at(keyRows!.shape, 0), at(of.shape, 1)];
    return [q!.shape, parts(k!), parts(v!)].map((shape) => ({ shape, dtype: "float32" as const }));
  },
  onnx: (emitter, { attributes }, inputs, outputs) => attendInLoopBack(emitter, attributes, inputs, outputs),
  // The same, with a cotangent for each of the scores, and the parts of three outputs.
  scratch: ({ inputs, outputs }, bytes) =>
    5 * blockBytes +
    2 * bytes(inputs[1]!) +
    2 * bytes(inputs[2]!) +
    outputs.reduce((sum, output) => sum + bytes(output), 0),
};
