/** Auxiliary rollouts: what the policy answers to a prompt made of its own response. They earn rewards and are not trained on. */
import type { Sample } from "./sample.ts";
import type { PromptParts } from "./views.ts";

export interface AuxiliaryRollout {
  /** Unique in a run. */
  readonly name: string;
  /** Responses to each auxiliary prompt. Default 1. */
  readonly samples?: number;
  /** Default: as the main rollout. */
  readonly maxNewTokens?: number;
  /** Default: as the main rollout. */
  readonly temperature?: number;
  /** The prompt to sample from after this response; null for none. Its responses are judged by the recipe's scorers, against the same row. */
  prompt(sample: Sample): PromptParts | null;
}
