/** Is one recipe better than another? A plain sentence with its interval. */
import { needsPicture, rightShare, type Question } from "../evaluation/question.ts";
import { mean } from "../evaluation/statistics.ts";
import type { RunRecord } from "./run-record.ts";
import { byRecipe } from "./curves.ts";

/** Which recipe is measured against which. */
export interface Comparison {
  readonly recipe: string;
  readonly baseline: string;
}

/** A difference of accuracies in 0–1 with its 95 % interval. */
export interface Difference {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Number of unseen scenes behind it. */
  readonly n: number;
  /** True: the same scenes, compared one by one. */
  readonly paired: boolean;
}

/** 97.5 % quantile of the normal distribution. */
const z = 1.96;

type Part = "overall" | "visionDependent";

/** A `papo(x)` is compared with its base `x`, a plain `papo` with `grpo`, where those ran; everything else with the first recipe. */
export const defaultComparisons = (recipes: readonly string[]): Comparison[] => {
  const first = recipes[0];
  return recipes.slice(1).map((recipe) => {
    const base = /\(([^()]+)\)/.exec(recipe)?.[1] ?? (/^papo\b/i.test(recipe) ? "grpo" : undefined);
    const named = recipes.find((other) => other !== recipe && other.toLowerCase() === base?.toLowerCase());
    return { recipe, baseline: named ?? first ?? recipe };
  });
};

/**
 * Mean difference of greedy accuracy after training, `recipe` minus `baseline`, seeds averaged per scene. Paired over the scenes
 * that both evaluations kept: the interval is ±1.96 standard errors, their square the variance of the mean per-scene difference
 * plus, on each side of several seeds, the variance of the seeds' mean (which counts a little twice: the interval is rather too wide).
 * Without common scenes the two intervals are combined as independent. Null when either side has no evaluation.
 */
export const differenceOf = (recipe: readonly RunRecord[], baseline: readonly RunRecord[], part: Part): Difference | null => {
  const mine = perScene(recipe, part);
  const theirs = perScene(baseline, part);
  const differences = [...mine].flatMap(([id, value]) => {
    const other = theirs.get(id);
    return other === undefined ? [] : [value - other];
  });
  if (differences.length > 1) {
    const value = mean(differences);
    const half = z * Math.sqrt(varianceOfMean(differences) + seedVariance(recipe, part) + seedVariance(baseline, part));
    return { value, low: value - half, high: value + half, n: differences.length, paired: true };
  }
  return unpaired(recipe, baseline, part);
};

/** Accuracy of a recipe's seeds, averaged per scene; the interval covers scenes and seeds as that of `differenceOf` does. */
export const accuracyOf = (runs: readonly RunRecord[], part: Part): Difference => {
  const scenes = [...perScene(runs, part).values()];
  const value = scenes.length === 0 ? 0 : mean(scenes);
  const half = z * Math.sqrt(varianceOfMean(scenes) + seedVariance(runs, part));
  return { value, low: value - half, high: value + half, n: scenes.length, paired: false };
};

const unpaired = (recipe: readonly RunRecord[], baseline: readonly RunRecord[], part: Part): Difference | null => {
  const [mine, theirs] = [recipe, baseline].map((runs) => runs.flatMap((run) => run.after?.greedy[part] ?? []));
  if (mine === undefined || theirs === undefined || mine.length === 0 || theirs.length === 0) return null;
  const value = mean(mine.map((share) => share.accuracy)) - mean(theirs.map((share) => share.accuracy));
  const half = (shares: typeof mine): number => mean(shares.map((share) => (share.high - share.low) / 2));
  const both = Math.hypot(half(mine), half(theirs));
  return { value, low: value - both, high: value + both, n: Math.min(...[...mine, ...theirs].map((share) => share.n)), paired: false };
};

/** Share of each question's answers that are right, over all seeds. */
const perScene = (runs: readonly RunRecord[], part: Part): Map<string, number> => {
  const counts = new Map<string, number[]>();
  for (const question of runs.flatMap((run) => questionsOf(run, part))) {
    counts.set(question.id, [...(counts.get(question.id) ?? []), rightShare(question)]);
  }
  return new Map([...counts].map(([id, list]) => [id, mean(list)]));
};

const questionsOf = ({ after }: RunRecord, part: Part): readonly Question[] =>
  (after?.questions ?? []).filter((question) => part === "overall" || needsPicture(question));

/** Variance of the mean of independent draws; 0 for one draw, which tells nothing of it. */
const varianceOfMean = (list: readonly number[]): number => {
  if (list.length < 2) return 0;
  const center = mean(list);
  return list.reduce((sum, value) => sum + (value - center) ** 2, 0) / (list.length - 1) / list.length;
};

const seedVariance = (runs: readonly RunRecord[], part: Part): number =>
  varianceOfMean(runs.flatMap((run) => run.after?.greedy[part]?.accuracy ?? []));

const points = (value: number): string => `${value < 0 ? "−" : "+"}${(100 * Math.abs(value)).toFixed(1)}`;

const describe = ({ value, low, high, n, paired }: Difference): string => {
  const basis = paired ? `paired over ${n.toLocaleString("en")} unseen scenes` : "not paired";
  return `${points(value)} points, 95 % interval ${points(low)} to ${points(high)}, ${basis}`;
};

/** One plain sentence or two per comparison; a recipe counts as better only when the whole interval is above zero. */
export const verdictOf = ({ recipe, baseline }: Comparison, runs: readonly RunRecord[]): string => {
  const groups = byRecipe(runs);
  const [mine, theirs] = [groups.get(recipe) ?? [], groups.get(baseline) ?? []];
  const overall = differenceOf(mine, theirs, "overall");
  if (overall === null) return `${recipe} and ${baseline} cannot be compared: at least one was not evaluated after training.`;
  const word = overall.low > 0 ? "is better than" : overall.high < 0 ? "is worse than" : "is not better than";
  const looking = differenceOf(mine, theirs, "visionDependent");
  const inVision = looking === null ? "" : ` On the questions that need the picture: ${describe(looking)}.`;
  const caution = overall.low <= 0 && overall.high >= 0 ? " The interval includes zero: this evaluation cannot tell them apart." : "";
  const seeds = Math.min(mine.length, theirs.length);
  const oneSeed = " One seed each: the interval does not cover the luck of a training run.";
  const spread = seeds < 2 ? oneSeed : ` ${seeds} seeds each; the interval covers scenes and seeds.`;
  return `${recipe} ${word} ${baseline} on this budget: ${describe(overall)}.${inVision}${caution}${spread}`;
};
