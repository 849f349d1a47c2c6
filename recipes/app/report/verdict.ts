/** Is one side better than another? A plain sentence that says what was measured, with its interval and p. */
import { luckOf, pairedDifference, type Difference as Paired } from "../evaluation/paired.ts";
import { needsPicture, priorIsWrong, rightShare, type Question } from "../evaluation/question.ts";
import { mean } from "../evaluation/statistics.ts";
import { byRecipe } from "./curves.ts";
import type { Evaluation, RunRecord } from "./run-record.ts";

/** Which recipe is measured against which. */
export interface Comparison {
  readonly recipe: string;
  readonly baseline: string;
}

/** A difference of accuracies (or an accuracy) in 0–1 with its 95 % interval. */
export interface Difference extends Paired {
  /** Questions behind it, compared one by one. */
  readonly n: number;
}

/** Which questions of an evaluation are looked at. */
const parts = {
  overall: () => true,
  visionDependent: needsPicture,
  priorWrong: priorIsWrong,
} as const satisfies Record<string, (question: Question) => boolean>;
export type Part = keyof typeof parts;
type QuestionFilter = (question: Question) => boolean;

/**
 * A `papo(x)` is compared with its base `x`, a plain `papo` with `grpo`, where those ran; every other recipe with the
 * first. Evaluations of models are no recipes: each is compared with the first of them, and only where there is no
 * training run.
 */
export const comparisonsOf = (runs: readonly RunRecord[]): Comparison[] => {
  const trained = runs.filter(({ kind }) => kind === "run");
  return defaultComparisons([...byRecipe(trained.length > 0 ? trained : runs).keys()]);
};

export const defaultComparisons = (recipes: readonly string[]): Comparison[] => {
  const first = recipes[0];
  return recipes.slice(1).map((recipe) => {
    const base = /\(([^()]+)\)/.exec(recipe)?.[1] ?? (/^papo\b/i.test(recipe) ? "grpo" : undefined);
    const named = recipes.find((other) => other !== recipe && other.toLowerCase() === base?.toLowerCase());
    return { recipe, baseline: named ?? first ?? recipe };
  });
};

/** An evaluation for each training run of a side. */
type Side = readonly Evaluation[];

const afterOf = (runs: readonly RunRecord[]): Side => runs.flatMap(({ after }) => after ?? []);

/** Mean difference of accuracy after training, `recipe` minus `baseline`; see `sidesDifference`. */
export const differenceOf = (
  recipe: readonly RunRecord[],
  baseline: readonly RunRecord[],
  part: Part,
): Difference | null => sidesDifference(afterOf(recipe), afterOf(baseline), part);

/**
 * Mean difference of the share of right answers over the questions that all evaluations of both sides have, seeds
 * averaged per question: the interval covers the questions and, on a side of several seeds, its seeds. Null where a
 * side has no evaluation or the sides share no question.
 */
function sidesDifference(recipe: Side, baseline: Side, part: Part): Difference | null {
  if (recipe.length === 0 || baseline.length === 0) return null;
  const [mine, theirs] = [recipe, baseline].map((side) => side.map((evaluation) => sharesOf(evaluation, part))) as [
    Map<string, number>[],
    Map<string, number>[],
  ];
  const ids = [...mine[0]!.keys()].filter((id) => [...mine, ...theirs].every((shares) => shares.has(id)));
  if (ids.length === 0) return null;
  const table = (side: readonly Map<string, number>[]): number[][] =>
    side.map((shares) => ids.map((id) => shares.get(id)!));
  const [a, b] = [table(mine), table(theirs)];
  return { ...pairedDifference(perQuestion(a), perQuestion(b), undefined, [luckOf(a), luckOf(b)]), n: ids.length };
}

/**
 * Accuracy of a recipe's seeds, averaged per question; the interval covers questions and seeds as that of
 * `differenceOf` does.
 */
export const accuracyOf = (runs: readonly RunRecord[], part: Part | QuestionFilter): Difference => {
  const shares = afterOf(runs).map((evaluation) => [...sharesOf(evaluation, part).values()]);
  const questions = perQuestion(shares);
  return {
    ...pairedDifference(
      questions,
      questions.map(() => 0),
      undefined,
      [luckOf(shares)],
    ),
    n: questions.length,
  };
};

const perQuestion = (shares: readonly (readonly number[])[]): number[] =>
  (shares[0] ?? []).map((_, question) => mean(shares.map((own) => own[question]!)));

/** Share of each question's answers that are right. */
const sharesOf = ({ questions }: Evaluation, part: Part | QuestionFilter): Map<string, number> =>
  new Map(
    questions
      .filter(typeof part === "string" ? parts[part] : part)
      .map((question) => [question.id, rightShare(question)]),
  );

/** In points, signed; a difference that rounds to nothing has no sign. */
export const points = (value: number, digits = 1): string => {
  const size = (100 * Math.abs(value)).toFixed(digits);
  return Number(size) === 0 ? size : `${value < 0 ? "−" : "+"}${size}`;
};

/** "p = 0.031"; so small a one as the procedure can tell is "p < 0.001". */
export const chanceText = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);

/** Value, interval and p, with as many digits as the interval needs. */
export const differenceText = ({ value, low, high, p }: Paired): string => {
  const digits = high - low < 0.002 && high > low ? 2 : 1;
  return `${points(value, digits)} points, 95 % interval ${points(low, digits)} to ${points(high, digits)}, ${chanceText(p)}`;
};

const describe = (difference: Difference): string => {
  const { value, low, high, n } = difference;
  const basis = `over the same ${n.toLocaleString("en")} question${n === 1 ? "" : "s"}`;
  return value === 0 && low === 0 && high === 0
    ? `no difference on any of the same ${n.toLocaleString("en")} questions`
    : `${differenceText(difference)}, paired ${basis}`;
};

/** What kept two sides from being measured alike, or null. */
function unlike(mine: Side, theirs: Side): string | null {
  const names = (side: Side): string => [...new Set(side.map(({ accuracy }) => accuracy.measure))].join(" and ");
  return names(mine) === names(theirs) ? null : `one was measured by ${names(mine)}, the other by ${names(theirs)}`;
}

/** One plain sentence or two per comparison; a side counts as better only when the whole interval is above zero. */
export const verdictOf = ({ recipe, baseline }: Comparison, runs: readonly RunRecord[]): string => {
  const groups = byRecipe(runs);
  const [mine, theirs] = [groups.get(recipe) ?? [], groups.get(baseline) ?? []];
  const [own, other] = [afterOf(mine), afterOf(theirs)];
  if (own.length === 0 || other.length === 0)
    return `${recipe} and ${baseline} cannot be compared: at least one was not evaluated after training.`;
  const reason = unlike(own, other);
  const overall = reason === null ? sidesDifference(own, other, "overall") : null;
  if (overall === null)
    return `${recipe} and ${baseline} cannot be compared: ${reason ?? "they were asked no question in common"}.`;
  const trained = [...mine, ...theirs].every(({ kind }) => kind === "run");
  const word = overall.low > 0 ? "is better than" : overall.high < 0 ? "is worse than" : "is not better than";
  const looking = sidesDifference(own, other, "visionDependent");
  const inVision = looking === null ? "" : ` On the questions that need the picture: ${describe(looking)}.`;
  const against = sidesDifference(own, other, "priorWrong");
  const inConflict = against === null ? "" : ` Where the prior is wrong: ${describe(against)}.`;
  const caution =
    overall.low <= 0 && overall.high >= 0 ? " The interval includes zero: this evaluation cannot tell them apart." : "";
  const seeds = Math.min(mine.length, theirs.length);
  const spread = !trained
    ? ""
    : seeds < 2
      ? " One seed each: the interval does not cover the luck of a training run."
      : ` ${seeds} seeds each; the interval covers questions and seeds.`;
  return `${recipe} ${word} ${baseline}${trained ? " on this budget" : ""}, ${own[0]!.accuracy.measure}: ${describe(overall)}.${inVision}${inConflict}${caution}${spread}`;
};

/**
 * What training did to each recipe: after minus before, on the same questions; nothing for recipes that were not
 * measured before.
 */
export const gainsOf = (runs: readonly RunRecord[]): string[] =>
  [...byRecipe(runs)].flatMap(([recipe, seeds]) => {
    const both = seeds.filter(
      ({ before, after }) => before !== null && after !== null && unlike([before], [after]) === null,
    );
    // Before training the seeds are one model.
    const gained = sidesDifference(afterOf(both), both.flatMap(({ before }) => before ?? []).slice(0, 1), "overall");
    return gained === null
      ? []
      : [`${recipe}, after training minus before, ${both[0]!.after!.accuracy.measure}: ${describe(gained)}.`];
  });
