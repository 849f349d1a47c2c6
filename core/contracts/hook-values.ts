/** What hooks pass from plugin to plugin, besides rows, groups, batches and terms. */
import type { Minibatch } from "./step/batch.ts";
import type { Group } from "./step/sample.ts";

/** The step a hook is called in. */
export interface StepContext {
  /** From 1 to `steps`. @unit steps */
  readonly step: number;
  /** Of the whole run, those before a resume included. @unit steps */
  readonly steps: number;
}

/** Responses to each prompt that are sampled from one view of it. */
export interface RolloutShare {
  /** "original" or a registered view of scope "prompt". */
  readonly view: string;
  /** From 1. @unit responses to a prompt */
  readonly count: number;
}

/** How a step samples. Rewards compare all responses to a prompt, whichever view they were sampled from. */
export interface RolloutPlan {
  /** At first one, of the original view; their counts together are the group's size. */
  readonly shares: readonly RolloutShare[];
  /** Responses are cut at this many. @unit tokens */
  readonly maxNewTokens: number;
}

/** The groups a step has so far. */
export interface GroupSelection {
  /** Ordered by prompt, not by who finished first. */
  readonly groups: readonly Group[];
  /** How many the step trains on. @unit groups */
  readonly wanted: number;
  /** Rounds done before this one; 0 is the first. @unit rounds */
  readonly round: number;
  /** The run samples no further round in this step, whatever is asked for. */
  readonly lastRound: boolean;
  /** True asks for another round of fresh prompts when `groups` are fewer than wanted. */
  readonly sampleMore: boolean;
  /**
   * Groups that the step trains on beside `groups`: carried ones, for which `keptGroups` was asked for room, and those
   * of trained auxiliary rollouts, which are here when the hook is called. They add no update, each minibatch gets an
   * equal part of them. Where `groups` is empty, none is trained on; what was made of a group that is not trained on is
   * not either. Default: none.
   */
  readonly beside?: readonly Group[];
}

/** Where groups are chosen. */
export interface GroupsContext extends StepContext {
  /** All groups that the step has sampled so far, chosen or not. */
  readonly sampled?: readonly Group[];
  /** All groups of trained auxiliary rollouts that were made of those. */
  readonly made?: readonly Group[];
}

/**
 * What to do instead of going on, and why; `rollBack` takes the newest checkpoint, of those up to step `before` where
 * one is given.
 */
export type Decision = { readonly stop: string } | { readonly rollBack: string; readonly before?: number };

/** Which weights of a term are asked for. */
export interface TermSlot {
  /** Its name. */
  readonly term: string;
  /**
   * "before_clip": what advantages are multiplied by before the ratio is clipped; "after_clip": what the term's value
   * is multiplied by.
   */
  readonly slot: "before_clip" | "after_clip";
  /** What the term is of. */
  readonly batch: Minibatch;
}
