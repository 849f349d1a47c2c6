/**
 * All ops that models and gradient rules are written in; what executors treat in a way of its own (head, layers, draws)
 * stands in its file alone.
 */
export {
  add,
  affine,
  div,
  erf,
  exp,
  gelu,
  geluTanh,
  log,
  mul,
  neg,
  quickGelu,
  scalar,
  sigmoid,
  silu,
  sqrt,
  sub,
  withGradient,
} from "./elementwise.ts";
export { type AttentionBlocks, blockAttention, type BlockHeads, changedBlockAttention } from "./block-attention.ts";
export { changedProbabilities, changeFields, replacement } from "./changed-values.ts";
export { chunkedHead, type ChunkedHead } from "./chunked-head.ts";
export { dropout } from "./dropout.ts";
export { type Divergence, divergence, type HeadInput } from "./divergence.ts";
export { type Dropout } from "../graph.ts";
export { entropy, tokenLogProb } from "./head.ts";
export { layerNorm } from "./layer-norm.ts";
export type { LowRank } from "../graph.ts";
export { linear } from "./linear.ts";
export { matmul, type MatmulOptions } from "./matmul.ts";
export { addRmsNorm, rmsNorm, rope } from "./norm-rope.ts";
export { recomputed } from "./recompute.ts";
export { maxLast, softmax } from "./reduce.ts";
export { sum, sumLast } from "./broadcast.ts";
export { gatherRows, pack, type RowPacking, scatterAddRows, unpack } from "./rows.ts";
export { concat, reshape, split, transpose, zeros } from "./shape.ts";
export { expand } from "./broadcast.ts";
