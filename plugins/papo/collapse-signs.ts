/**
 * Signs of collapse in a run's metrics, each against the run's own course. State is plain data, so that it can be
 * saved.
 */

/** A metric, the way it goes in a collapse, and a size below which it means nothing. */
export interface Sign {
  readonly metric: string;
  readonly way: "up" | "down";
  readonly floor: number;
}

/**
 * What PAPO (arXiv:2507.06448, KL_prcp hacking) names — its loss, the negative divergence, falling sharply; clip-high;
 * both entropies — and what comes with it: variance and saturation of the divergence, gibberish, length; and the
 * reward, which is what is lost.
 */
export const signs: readonly Sign[] = [
  { metric: "papo/perception_kl", way: "up", floor: 0.1 },
  { metric: "papo/kl_variance", way: "up", floor: 0.1 },
  { metric: "papo/kl_saturated", way: "up", floor: 0.01 },
  { metric: "policy/clip_high", way: "up", floor: 0.02 },
  { metric: "rollout/entropy", way: "up", floor: 0.05 },
  { metric: "papo/entropy_masked", way: "up", floor: 0.05 },
  { metric: "papo/gibberish", way: "up", floor: 0.05 },
  { metric: "rollout/length", way: "up", floor: 4 },
  { metric: "reward/mean", way: "down", floor: 0.05 },
];

/** The last means over a window, and the best of each sign before that window. */
export interface Course {
  /** Values of the last steps by metric, oldest first: a window, and what waits to become part of the baseline. */
  recent: Record<string, number[]>;
  /** The lowest (of a sign that goes up) or highest mean over `baseline` steps so far. */
  best: Record<string, number>;
}

export interface Watching {
  /** Steps whose mean is compared. */
  readonly window: number;
  /** Steps that a baseline is the mean of. */
  readonly baseline: number;
  /** A sign has moved when it is this many times its baseline, or its baseline this many times it. */
  readonly factor: number;
}

/**
 * Note a step's metrics; one phrase for each sign that has moved away from the best that the run has shown. Unknown
 * metrics are not watched.
 */
export function moved(
  course: Course,
  metrics: Readonly<Record<string, number>>,
  { window, baseline, factor }: Watching,
): string[] {
  return signs.flatMap(({ metric, way, floor }) => {
    const value = metrics[metric];
    if (value === undefined || !Number.isFinite(value)) return [];
    const values = (course.recent[metric] = [...(course.recent[metric] ?? []), value].slice(-(window + baseline)));
    if (values.length < window + baseline) return [];
    const settled = mean(values.slice(0, baseline));
    const known = course.best[metric];
    const best = (course.best[metric] =
      known === undefined ? settled : way === "up" ? Math.min(known, settled) : Math.max(known, settled));
    const now = mean(values.slice(-window));
    const away = way === "up" ? now > Math.max(best, floor) * factor : best > floor && now < best / factor;
    return away ? [`${metric} ${best.toPrecision(3)} → ${now.toPrecision(3)}`] : [];
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Less than this share of a response's pairs of neighbouring tokens are different: it goes round in circles. */
const DISTINCT = 0.6;
/** Shorter responses repeat nothing. */
const SHORTEST = 8;

/** Whether a response was cut at the limit or repeats itself. */
export function isGibberish({
  tokens,
  finish,
}: {
  readonly tokens: Int32Array;
  readonly finish: "stop" | "length";
}): boolean {
  if (finish === "length") return true;
  if (tokens.length < SHORTEST) return false;
  const pairs = new Set(
    Array.from({ length: tokens.length - 1 }, (_, index) => `${tokens[index]} ${tokens[index + 1]}`),
  );
  return pairs.size / (tokens.length - 1) < DISTINCT;
}
