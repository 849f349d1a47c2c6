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

/** A response whose turn has ended with a stop token. */
export interface EndedTurn extends Pick<GeneratedResponse, "request" | "index"> {
  /** All of the response so far, what was put into it between turns included. */
  readonly tokens: Int32Array;
}

/**
 * What is put into responses after a turn, tokens and pictures, in the order of the list, so that the policy goes on
 * after it; null: the
 * response is finished. Fewer tokens than the response has room for: it must have room for one of the policy's own
 * after them.
 */
export type GoOn = (ended: readonly EndedTurn[]) => Promise<readonly (EncodedPrompt | null)[]>;

export interface GenerateOptions {
  /** An engine may end early, with an error, when it fires. */
  readonly giveUp?: AbortSignal;
  /** Asked for every turn that a stop token ends. Log-probs of what it gives are 0. Absent: that ends the response. */
  readonly goOn?: GoOn;
}

export interface RolloutEngine {
  /**
   * True where the engine keeps weights of its own and takes the learner's when `generate` is called: what the learner
   * does afterwards changes nothing of that call. Others read the learner's, and their calls must end before those
   * change.
   */
  readonly ownWeights?: boolean;
  /** True where `goOn` is asked; others have one turn alone. Default false. */
  readonly turns?: boolean;
  /** Sample with the current weights; `onResponse` is called as each response finishes. */
  generate(
    requests: readonly RolloutRequest[],
    sampling: SamplingSettings,
    onResponse: (response: GeneratedResponse) => void,
    options?: GenerateOptions,
  ): Promise<void>;
}
