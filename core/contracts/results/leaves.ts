/** What a gradient is wanted of in a minibatch: known beside it, since hooks see it and do not need this. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Minibatch } from "../step/batch.ts";

const leavesByBatch = new WeakMap<Minibatch, readonly Tensor2D[]>();

export function rememberLeaves(batch: Minibatch, leaves: readonly Tensor2D[]): void {
  leavesByBatch.set(batch, leaves);
}

export const leavesOf = (batch: Minibatch): readonly Tensor2D[] => leavesByBatch.get(batch) ?? [];
