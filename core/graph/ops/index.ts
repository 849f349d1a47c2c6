/** All ops that models and gradient rules are written in; what executors treat in a way of its own (head, layers, draws) stands in its file alone. */
export { add, affine, div, erf, exp, gelu, geluTanh, log, mul, neg, quickGelu, scalar, sigmoid, silu, sqrt, sub, withGradient } from "./elementwise.ts";
export { type AttentionBlocks, blockAttention, type BlockHeads } from "./block-attention.ts";
export { chunkedHead, type ChunkedHead } from "./chunked-head.ts";
export { dropout, type Dropout } from "./dropout.ts";
export { entropy, tokenLogProb } from "./head.ts";
export { layerNorm } from "./layer-norm.ts";
export type { LowRank } from "./low-rank.ts";
export { linear, matmul, type MatmulOptions } from "./matmul.ts";
export { addRmsNorm, rmsNorm, rope } from "./norm-rope.ts";
export { recomputed } from "./recompute.ts";
export { maxLast, softmax, sum, sumLast } from "./reduce.ts";
export { gatherRows, pack, type RowPacking, scatterAddRows, unpack } from "./rows.ts";
export { concat, expand, reshape, split, transpose, zeros } from "./shape.ts";
