/** What plugins ask the learner to compute: requests are merged, bound to a coefficient, and planned before the run. */
import type { Coefficient } from "./coefficients.ts";

/** A request for an array [B, T] that the policy (or a copy of it) gives for the batch's responses. */
export interface ScoreRequest {
  /** The view of the prompt; default "original". */
  readonly view?: string;
  /**
   * "current": the weights being trained, scored again for each minibatch; "old": the weights that sampled,
   * scored once per step before the first update; "reference": the weights at the run's start.
   */
  readonly weights: "current" | "old" | "reference";
  /** "logProbs": log π(token); "entropy": entropy of the full next-token distribution, nats. Default "logProbs". */
  readonly output?: "logProbs" | "entropy";
  /** Whether the loss may send a gradient back through it ("current" only). Default false. */
  readonly gradient?: boolean;
  /** While this coefficient is 0, nothing is computed and the array is all zeros. */
  readonly while?: Coefficient;
}

/** Returned by `scores.request`; give it to `batch.get`. */
export interface ScoreHandle {
  readonly request: Required<Omit<ScoreRequest, "while">> & { readonly while: Coefficient | null };
  /** Equal for requests of the same array, whether they want its gradient or not. */
  readonly key: string;
  /** The plugin that asked first. */
  readonly plugin: string;
}
