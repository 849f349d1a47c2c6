/** What plugins see of a step: a group whose rewards are shaped, the batch, and the part of it that one update sees. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Group, Sample } from "./sample.ts";
import type { ScoreHandle, TextCodec } from "../registered/scores.ts";

/** A group as the hook `rewards` sees it. */
export interface JudgedGroup extends Group {
  /** From 1. @unit steps */
  readonly step: number;
  /**
   * Result of a score request of stage "rewards": one array per sample, [tokens], over its response's tokens or its
   * target's. Empty arrays while the request's coefficient is 0.
   * @unit that of the request's output
   */
  get(handle: ScoreHandle): readonly Float32Array[];
  /** What a registered auxiliary rollout gave for each sample; an empty list for a sample without one. */
  auxiliary(name: string): readonly (readonly Sample[])[];
}

/** The step's experience, whole: once a step, before its updates. B samples, T the longest response. */
export interface Batch {
  /** From 1. @unit steps */
  readonly step: number;
  /** [B], group after group; the rows of every array. */
  readonly samples: readonly Sample[];
  /** Index of each sample's group in `groups`, [B]. @unit index */
  readonly groupOf: Int32Array;
  /** The step's own, then those that it trains on beside them. */
  readonly groups: readonly Group[];
  /** Responses. @unit responses */
  readonly B: number;
  /** The longest response. @unit tokens */
  readonly T: number;
  /**
   * 1 where the policy wrote a token, [B, T]; 0 behind a response's end and where its environment wrote. @unit 0 or 1
   */
  readonly mask: Tensor2D;
  /**
   * log π_old, [B, T], by the sampler or by the learner as the setting `oldLogProbs` and `Group.oldLogProbs` say; 0
   * outside the mask. @unit nats
   */
  readonly oldLogProbs: Tensor2D;
  /**
   * Result of a score request of stage "experience", [B, T], detached; zeros while its coefficient is 0. @unit that of
   * the request's output
   */
  get(handle: ScoreHandle): Tensor2D;
  /**
   * What each response stands for in a request for a share of them, [B, 1]: n / k for the k of its prompt's n responses
   * that were scored, 0 for the others, so that a sum over responses times this is, in the mean over draws, the sum
   * over all. Ones without a share.
   * @unit factor
   */
  scoredRows(handle: ScoreHandle): Tensor2D;
  /** Text of tokens, for what depends on where in a response something stands. */
  readonly text: Pick<TextCodec, "decode">;
}

/**
 * The part of a batch that one optimizer step sees: once for each update. Rows are whole responses; B, T and all arrays
 * are the minibatch's.
 */
export interface Minibatch extends Batch {
  /** log π_θ, [B, T]: a leaf of the loss, its gradient goes to the learner. @unit nats */
  readonly logProbs: Tensor2D;
  /** What the hook `advantages` came to, [B, T]; constants. @unit that of rewards, or standard deviations of them */
  readonly advantages: Tensor2D;
  /**
   * Result of any score request; with `gradient: true` a leaf of the loss, else detached, [B, T]. @unit that of the
   * request's output
   */
  get(handle: ScoreHandle): Tensor2D;
  /**
   * Product of what plugins put on a named term in the hook `weights`, [B, T].
   * Terms with a clip call it with "before_clip"; the pipeline applies "after_clip" itself.
   * @unit factor
   */
  weights(term: string, slot: "before_clip" | "after_clip"): Tensor2D;
  /** The longest response that sampling allows; the denominator of constant reductions. @unit tokens */
  readonly maxNewTokens: number;
}
