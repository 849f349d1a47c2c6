/** All ops that models and gradient rules are written in. */
export { add, affine, div, erf, exp, gelu, geluTanh, log, mul, neg, quickGelu, scalar, sigmoid, silu, sqrt, sub, withGradient } from "./elementwise.ts";
export { type AttentionBlocks, blockAttention, type BlockHeads } from "./block-attention.ts";
export { chunkedHead, type ChunkedHead } from "./chunked-head.ts";
export { type DrawInputs, type DrawSettings, drawToken, writeAt } from "./decode.ts";
export { entropy, tokenLogProb } from "./head.ts";
export { layerNorm } from "./layer-norm.ts";
export { linear, logits, matmul, type MatmulOptions } from "./matmul.ts";
export { addRmsNorm, rmsNorm, rope } from "./norm-rope.ts";
export { layer, recomputed } from "./recompute.ts";
export { maxLast, softmax, sum, sumLast } from "./reduce.ts";
export { gatherRows, pack, type RowPacking, scatterAddRows, unpack } from "./rows.ts";
export { concat, expand, reshape, split, transpose, zeros } from "./shape.ts";
