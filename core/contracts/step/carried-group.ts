/** Groups that a plugin keeps from one step for a later one. */
import type { Group } from "./sample.ts";

/** How many groups a plugin keeps, for the plan of a run and for what its taps may return. */
export interface KeptRoom {
  /** Groups in the list at most. Their prompts and pictures stay in memory. @unit groups */
  readonly atMost: number;
  /** Of them, groups that one step trains on beside its own, at most. Default 0. @unit groups */
  readonly beside?: number;
}

/**
 * A step's group as it is kept for a later one: under a key of its own, without views that were made for its responses
 * alone.
 */
export function carriedGroup(group: Group, step: number, { oldLogProbs }: Pick<Group, "oldLogProbs"> = {}): Group {
  if (group.carried === true) return group;
  const samples = group.samples.map((sample) => ({ ...sample, views: sample.prompt.views }));
  return {
    ...group,
    samples,
    key: `${group.key} (step ${step})`,
    carried: true,
    ...(oldLogProbs === undefined ? {} : { oldLogProbs }),
  };
}
