/** Advantages from rewards within groups of responses to one prompt. */

export interface GroupAdvantageOptions {
  /** Divide by the group's standard deviation (unbiased) plus epsilon. */
  readonly normalise: boolean;
  readonly epsilon: number;
  /** A group of one: its raw reward, over 1 + epsilon when normalised (verl), or 0 (TRL). */
  readonly single: "reward" | "zero";
}

/**
 * (r − mean) / (std + ε) within each group, or r − mean (arXiv:2402.03300; without std arXiv:2503.20783).
 * @param rewards one per response, [B]
 * @param groupOf index of each response's group, [B]
 * @returns [B]
 */
export function groupAdvantages(
  rewards: ArrayLike<number>,
  groupOf: ArrayLike<number>,
  options: GroupAdvantageOptions,
): Float64Array {
  if (rewards.length !== groupOf.length)
    throw new Error(`groupAdvantages needs a group for each reward, found ${groupOf.length} for ${rewards.length}`);
  const advantages = new Float64Array(rewards.length);
  for (const group of groupsOf(groupOf)) {
    const { centre, scale } = statistics(
      group.map((index) => rewards[index]!),
      options,
    );
    for (const index of group) advantages[index] = (rewards[index]! - centre) / scale;
  }
  return advantages;
}

/** Whether every group has one response alone, so that there is nothing to compare it with. */
export const allAlone = (groupOf: ArrayLike<number>): boolean =>
  groupOf.length > 0 && new Set(Array.from(groupOf)).size === groupOf.length;

/** Rows of each group, groups in the order of their first row. */
export function groupsOf(groupOf: ArrayLike<number>): number[][] {
  const members = new Map<number, number[]>();
  for (let index = 0; index < groupOf.length; index++)
    members.set(groupOf[index]!, [...(members.get(groupOf[index]!) ?? []), index]);
  return [...members.values()];
}

function statistics(
  values: readonly number[],
  { normalise, epsilon, single }: GroupAdvantageOptions,
): { centre: number; scale: number } {
  // A group that agrees has exactly advantage 0, whatever the rounding of its mean.
  const agrees = values.every((value) => value === values[0]);
  const mean = agrees ? values[0]! : values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { centre: single === "reward" ? 0 : mean, scale: normalise ? 1 + epsilon : 1 };
  if (!normalise) return { centre: mean, scale: 1 };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { centre: mean, scale: Math.sqrt(variance) + epsilon };
}
