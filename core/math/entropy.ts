/** Entropy from samples. */
import { neg } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";

/**
 * −log π(token): its mean over sampled tokens estimates the entropy of the policy. Its gradient is that of the mean
 * log-prob, not that of the entropy: on the policy's own samples its expectation is 0.
 * @param logProbs [B, T]
 * @returns nats, [B, T]
 */
export function sampledEntropy(logProbs: Tensor2D): Tensor2D {
  return neg(logProbs);
}
