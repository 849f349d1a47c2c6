/** What plugins ask the learner to compute, as they write it and as it is planned. */
import type { Output, OutputKind } from "../../learner/learner.ts";
import type { AttentionParts } from "../../model/attention-statistics.ts";
import type { Coefficient } from "./coefficient.ts";
import type { PromptProcessor } from "../policy.ts";
import type { Scorable } from "./scorer.ts";

/** Tokens to score instead of the response's own. */
export interface ScoreTarget {
  /** Unique among the targets of a run: "answer". */
  readonly name: string;
  /**
   * `tokens`, [target's length], are scored after the first `given` tokens of the response; no tokens give an empty
   * array.
   * @param text tokens of a text, and back
   * @unit token ids
   */
  of(sample: Scorable, text: TextCodec): { readonly given: number; readonly tokens: Int32Array };
}

/** Between text and tokens. */
export type TextCodec = Pick<PromptProcessor, "encodeText" | "decode">;

/** A request for an array that the policy (or a copy of it) gives for responses. */
export interface ScoreRequest {
  /** The view of the prompt; default "original". */
  readonly view?: string;
  /**
   * "current": the weights being trained, scored again for each minibatch; "old": the weights that sampled, scored once
   * per step before the first update; "reference": the weights at the run's start; any other name: a copy that a plugin
   * registered.
   */
  readonly weights: ScoreWeights;
  /** What is computed for each token; see Output. Default "logProbs". */
  readonly output?: OutputKind;
  /**
   * Of "pictureAttention" and "pictureAlignment" alone, and to be given with them: the layers of the decoder whose mean
   * they are, from 0; −1 is the last. "all": every layer. It is computed where attention is, in its blocks, so that
   * nothing of [T, T] is there whole.
   */
  readonly layers?: AttentionParts;
  /** Of the same outputs: the heads of queries whose mean they are, from 0; −1 is the last. Default "all". */
  readonly heads?: AttentionParts;
  /**
   * Of "kl", "reverseKl" and "jsd" alone: what the full next-token distribution is compared with, a constant: another
   * view (default "original"), other weights (default: the request's own). Computed where the logits are, so that of
   * [B, T, vocabulary] nothing leaves the learner.
   */
  readonly against?: { readonly view?: string; readonly weights?: ScoreWeights };
  /** Whether the loss may send a gradient back through it ("current" only). Default false. */
  readonly gradient?: boolean;
  /**
   * "experience": for the responses that are trained on, [B, T], read with `batch.get`; "rewards": for every response
   * that was sampled, before the hook `rewards`, where `group.get` reads it. Default "experience".
   */
  readonly stage?: "experience" | "rewards";
  /** Other tokens than the response's own (stage "rewards" only). */
  readonly target?: ScoreTarget;
  /**
   * Share of each prompt's responses that is scored, drawn anew in each step; `batch.scoredRows` says which, and the
   * array is 0 elsewhere. Default 1. The largest share asked for holds for everybody who asks for the same array. No
   * gradient, stage "experience" only.
   * @unit share in (0, 1]
   */
  readonly share?: number;
  /** While this coefficient is 0, nothing is computed and the array is all zeros (empty in stage "rewards"). */
  readonly while?: Coefficient;
  /** What to do when no plugin registers the view, for the error message: "list … in the recipe". */
  readonly hint?: string;
}

/** Names of the weights that the pipeline has. */
export const ownWeights: readonly string[] = ["current", "old", "reference"];

/** Names of weights; those of copies are strings of the plugins' own. */
export type ScoreWeights = "current" | "old" | "reference" | (string & {});

/** What a divergence is from. */
export interface OtherSide {
  readonly view: string;
  readonly weights: ScoreWeights;
}

/** A score, as far as it is a divergence. */
interface Compared {
  readonly against?: OtherSide | null;
}

/**
 * Scores by the other side of their divergences, in the order in which sides are asked for; those that are no
 * divergences are left out.
 */
export function byOtherSide<T extends Compared>(
  scores: readonly T[],
): { readonly against: OtherSide; readonly scores: readonly T[] }[] {
  const sides = new Map<string, { readonly against: OtherSide; readonly scores: T[] }>();
  for (const score of scores) {
    const against = score.against ?? null;
    if (against === null) continue;
    const key = sideName(against);
    const side = sides.get(key) ?? { against, scores: [] };
    side.scores.push(score);
    sides.set(key, side);
  }
  return [...sides.values()];
}

const sideName = ({ view, weights }: OtherSide): string => `${view} ${weights}`;

/** An output's name in score keys and among gradients: a divergence says what it is from, "jsd(noisy old)". */
export const outputName = ({
  output,
  against,
}: {
  readonly output: Output;
  readonly against?: OtherSide | null;
}): string => (against === undefined || against === null ? output : `${output}(${sideName(against)})`);

/** Returned by `scores.request`; give it to `batch.get` or `group.get`. */
export interface ScoreHandle {
  /** As it was asked for, defaults filled in. */
  readonly request: Required<
    Omit<ScoreRequest, "while" | "hint" | "target" | "against" | "output" | "layers" | "heads">
  > & {
    readonly output: Output;
    readonly while: Coefficient | null;
    readonly target: ScoreTarget | null;
    readonly against: OtherSide | null;
  };
  /** Equal for requests of the same array, whether they want its gradient or not. */
  readonly key: string;
  /** The plugin that asked first. */
  readonly plugin: string;
}

/** One array to compute: requests with one key, merged. */
export interface PlannedScore {
  /** view/weights/output, and the target's name for other tokens; of a divergence view/weights/output(view weights). */
  readonly key: string;
  readonly view: string;
  readonly weights: ScoreWeights;
  readonly output: Output;
  /** Of a divergence; null for all else. */
  readonly against: OtherSide | null;
  readonly stage: "experience" | "rewards";
  readonly target: ScoreTarget | null;
  /** Share of each prompt's responses to compute it for: the largest that is asked for. */
  readonly share: number;
  /** Whether one of the askers whose coefficient is not 0 wants its gradient. */
  readonly gradient: boolean;
  /** Everyone who asks, coefficient 0 or not. */
  readonly plugins: readonly string[];
  /** False while every asker's coefficient is 0: not to be computed. */
  readonly active: boolean;
}

/** The arrays that every step has: log-probs of the original view under the current and the old weights. */
export const CURRENT_LOG_PROBS = "original/current/logProbs";
export const OLD_LOG_PROBS = "original/old/logProbs";

/** Whether the handle's array is computed in this step. */
export function isActive({ request }: ScoreHandle): boolean {
  return request.while === null || request.while.value !== 0;
}
