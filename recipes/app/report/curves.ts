/** Curves of several seeds as one: mean and band. */
import type { RunRecord } from "./run-record.ts";

/** One metric over steps; the four lists are equally long. */
export interface Band {
  readonly steps: readonly number[];
  /** Mean over the runs that have the step. */
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** How many runs have the step: where it falls, the band is of fewer seeds. */
  readonly runs: readonly number[];
}

type Curves = Pick<RunRecord, "steps">;

/**
 * Mean, minimum and maximum over `runs` of a metric at every step that any of them has. Numbers that are not finite are
 * left out.
 */
export const bandOf = (runs: readonly Curves[], metric: string): Band => {
  const values = new Map<number, number[]>();
  for (const run of runs) {
    for (const { step, metrics } of run.steps) {
      const value = metrics[metric];
      if (value !== undefined && Number.isFinite(value)) values.set(step, [...(values.get(step) ?? []), value]);
    }
  }
  const rows = [...values].sort(([a], [b]) => a - b);
  return {
    steps: rows.map(([step]) => step),
    mean: rows.map(([, list]) => list.reduce((sum, value) => sum + value, 0) / list.length),
    low: rows.map(([, list]) => Math.min(...list)),
    high: rows.map(([, list]) => Math.max(...list)),
    runs: rows.map(([, list]) => list.length),
  };
};

/** Runs by recipe, in the order of first appearance. */
export const byRecipe = <T extends Pick<RunRecord, "recipe">>(runs: readonly T[]): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const run of runs) groups.set(run.recipe, [...(groups.get(run.recipe) ?? []), run]);
  return groups;
};
