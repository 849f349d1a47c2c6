/**
 * Priorities of kept groups, what is drawn by them, and what corrects for that (arXiv:2604.16918; release dbb91df,
 * trajectory_buffer.py).
 */
import type { Batch, Random } from "@papo/core";
import type { Tensor2D } from "@tensorflow/tfjs-core";

/** Added to each p_base, so that every kept group can be drawn. */
const EPSILON = 1e-6;

/** Mean |r| of each group's responses. */
export const rewardBases = ({ groups }: Pick<Batch, "groups">): number[] =>
  groups.map(({ samples }) => samples.reduce((sum, { reward }) => sum + Math.abs(reward), 0) / samples.length);

/** Mean |A| of the tokens of each group's responses. */
export function advantageBases({ groups, groupOf, mask, B, T }: Batch, advantages: Tensor2D): number[] {
  const [values, counted] = [advantages.dataSync(), mask.dataSync()];
  const [sums, tokens] = [groups.map(() => 0), groups.map(() => 0)];
  for (let place = 0; place < B * T; place++) {
    const group = groupOf[Math.floor(place / T)]!;
    if (counted[place] === 0) continue;
    sums[group]! += Math.abs(values[place]!);
    tokens[group]!++;
  }
  return sums.map((sum, group) => (tokens[group] === 0 ? 0 : sum / tokens[group]!));
}

/** p^α, p = (p_base + ε)·exp(−age / τ), of a group that is so many steps old; without τ it does not decay. */
export const priorityOf = (
  base: number,
  age: number,
  { ageDecay, exponent }: { readonly ageDecay: number | null; readonly exponent: number },
): number => ((base + EPSILON) * (ageDecay === null ? 1 : Math.exp(-age / ageDecay))) ** exponent;

/** w = (N·P)^(−β) over the largest of them, which is that of the lowest priority. */
export function correctionOf(priorities: readonly number[], beta: number): number[] {
  const least = Math.min(...priorities);
  return priorities.map((priority) => (priority / least) ** -beta);
}

/** Indices drawn in proportion to their priorities, none twice. */
export function drawnBy(priorities: readonly number[], count: number, random: Random): number[] {
  const left = [...priorities.keys()];
  return Array.from({ length: count }, (_, position) => {
    let mass = random.uniform(position) * left.reduce((sum, index) => sum + priorities[index]!, 0);
    const place = left.findIndex((index) => (mass -= priorities[index]!) < 0);
    return left.splice(place < 0 ? left.length - 1 : place, 1)[0]!;
  });
}
