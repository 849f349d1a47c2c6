/** What objectives of clipped probability ratios share. */
import { clipByValue, exp, maximum, mul, neg, sub } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { maskedMean, maskedShare } from "./masked-mean.ts";
import { peek } from "./tensor-numbers.ts";

/**
 * π_θ / π_old per token, [B, T], log-ratios held within ± bound first.
 * @param bound null leaves them
 */
export function probabilityRatio(logProbs: Tensor2D, oldLogProbs: Tensor2D, bound: number | null): Tensor2D {
  const logRatio = sub<Tensor2D>(logProbs, oldLogProbs);
  return exp(bound === null ? logRatio : clipByValue(logRatio, -bound, bound));
}

/** How far a ratio may move: down to 1 − low, up to 1 + high. */
export interface ClipRange {
  readonly clipLow: number;
  readonly clipHigh: number;
}

/**
 * max(−r·A, −clip(r, 1 − low, 1 + high)·A): the pessimistic bound on the improvement, to be minimised
 * (arXiv:1707.06347, Eq. 7).
 * @param ratio, advantages [B, T]
 */
export function clippedSurrogate(ratio: Tensor2D, advantages: Tensor2D, { clipLow, clipHigh }: ClipRange): Tensor2D {
  const clipped = clipByValue(ratio, 1 - clipLow, 1 + clipHigh);
  return maximum<Tensor2D>(neg(mul(ratio, advantages)), neg(mul(clipped, advantages)));
}

/** Shares of tokens whose gradient the clip stopped, and the mean ratio: what every clipped objective reports. */
export function clipShares(
  ratio: Tensor2D,
  advantages: Tensor2D,
  mask: Tensor2D,
  { clipLow, clipHigh }: ClipRange,
): { readonly high: number; readonly low: number; readonly ratio: number } {
  const [r, a] = [peek(ratio), peek(advantages)];
  return {
    high: maskedShare(mask, (at) => a[at]! > 0 && r[at]! > 1 + clipHigh),
    low: maskedShare(mask, (at) => a[at]! < 0 && r[at]! < 1 - clipLow),
    ratio: maskedMean(r, mask),
  };
}
