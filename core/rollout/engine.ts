/** The rollout port: n responses per prompt, streamed as they finish, with the sampler's own log-probs. */
import type { EncodedPrompt } from "../model/model.ts";

export interface SamplingSettings {
  /** T; 0 is greedy. Log-probs are then those at T = 1. */
  readonly temperature: number;
  /** Keep the smallest set of most likely tokens whose mass reaches this; 1 keeps all. */
  readonly topP: number;
  /** Keep this many most likely tokens; 0 keeps all. */
  readonly topK: number;
  readonly maxNewTokens: number;
  /** Any of these ends a response (and is part of it). */
  readonly stopTokens: readonly number[];
  /** Never sampled: vision placeholders and the like. */
  readonly bannedTokens: readonly number[];
}

export interface RolloutRequest {
  readonly prompt: EncodedPrompt;
  /** Number of responses. */
  readonly count: number;
  /** One random key per response (see math/random.ts): draws depend on it and the position alone. */
  readonly keys: readonly (readonly [number, number])[];
}

export interface GeneratedResponse {
  /** Index into the requests. */
  readonly request: number;
  /** Index among the request's responses. */
  readonly index: number;
  readonly tokens: Int32Array;
  /** Full vocabulary, before bans, top-k and top-p, [length]. */
  readonly logProbs: Float32Array;
  /** The truncated distribution that was sampled from, [length]. */
  readonly behaviourLogProbs: Float32Array;
  readonly finish: "stop" | "length";
}

export interface RolloutEngine {
  /**
   * True where the engine keeps weights of its own and takes the learner's when `generate` is called: what the learner does afterwards changes nothing of
   * that call. Others read the learner's, and their calls must end before those change.
   */
  readonly ownWeights?: boolean;
  /**
   * Sample with the current weights; `onResponse` is called as each response finishes. An engine may end early, with an error, when `giveUp` fires.
   */
  generate(
    requests: readonly RolloutRequest[],
    sampling: SamplingSettings,
    onResponse: (response: GeneratedResponse) => void,
    giveUp?: AbortSignal,
  ): Promise<void>;
}
