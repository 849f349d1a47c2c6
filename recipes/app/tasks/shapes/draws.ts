/** A reader of random numbers: each call takes the next position of one key. */
import type { Random } from "@papo/core";

export interface Draws {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** A whole number from `low` to `high`, both possible. */
  integer(low: number, high: number): number;
  /** One entry, each as likely as the next. Throws on an empty list. */
  pick<T>(list: readonly T[]): T;
  /** `count` different entries, in random order (all of them if the list is shorter). */
  choose<T>(list: readonly T[], count: number): T[];
}

/** Read `random` from position 0 on. Two readers of one key give the same numbers. */
export function drawsOf(random: Random): Draws {
  let position = 0;
  const uniform = (): number => random.uniform(position++);
  const integer = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1));
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new Error("pick: the list is empty");
    return list[integer(0, list.length - 1)] as T;
  };
  return {
    uniform,
    integer,
    pick,
    between: (low, high) => low + uniform() * (high - low),
    choose(list, count) {
      const left = [...list];
      const chosen = [];
      while (left.length > 0 && chosen.length < count) chosen.push(...left.splice(integer(0, left.length - 1), 1));
      return chosen;
    },
  };
}
