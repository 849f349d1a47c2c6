/**
 * Auxiliary rollouts: what the policy answers to a prompt made of its own response. They earn rewards, and may be
 * trained on.
 */
import type { Sample } from "../step/sample.ts";
import type { PromptParts } from "./views.ts";

/** Called after a response is there, and before rewards are shaped; what it gave is in `group.auxiliary`. */
export interface AuxiliaryRollout {
  /** Unique in a run. */
  readonly name: string;
  /** Responses to each auxiliary prompt. Default 1. @unit responses */
  readonly samples?: number;
  /** Responses are cut at this many. Default: as the main rollout. @unit tokens */
  readonly maxNewTokens?: number;
  /** Default: as the main rollout. @unit logits are divided by it */
  readonly temperature?: number;
  /**
   * Names of the recipe's environments that answer between its turns, as they do in the step's own responses. Default:
   * none, its responses have one turn.
   */
  readonly environments?: readonly string[];
  /**
   * Whether its responses are trained on, as a second role of the policy: those to each prompt are a group with all
   * views and a reward of its own (`role`: this name), which passes the hook `rewards` before the step's groups do and
   * stands in `GroupSelection.beside`. They are sampled at the main rollout's temperature. A prompt that cannot be
   * used, longer than maxPromptTokens say, is left out and counted as none. Default false.
   */
  readonly trained?: boolean;
  /**
   * The prompt to sample from after this response; null for none. Its responses are judged by the recipe's scorers,
   * against the same row.
   */
  prompt(sample: Sample): PromptParts | null;
}
