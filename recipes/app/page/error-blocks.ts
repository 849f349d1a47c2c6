/** What went wrong in the answers: shares by class, and how many of a baseline's errors are gone. */
import { compareEvaluations, pooled } from "../evaluation/scores.ts";
import type { Question } from "../evaluation/question.ts";
import { byRecipe } from "../report/curves.ts";
import type { Evaluation, RunRecord } from "../report/run-record.ts";
import type { Comparison } from "../report/verdict.ts";
import { note, type Block, type RowGroup } from "./blocks.ts";
import { percent } from "./result-blocks.ts";

/** Looks of the classes whose meaning is known, in the order in which bars stack them; others follow. */
const knownLooks: Readonly<Record<string, string>> = {
  correct: "share-right",
  right: "share-right",
  "correct, false facts": "share-lucky",
  perception: "share-perception",
  reasoning: "share-reasoning",
  inconsistency: "share-inconsistency",
  direct: "share-direct",
  format: "share-format",
};
const rightClasses = new Set(["correct", "right"]);

/** Every share, what is missing to 1 added as "right". */
function wholeOf(errors: Evaluation["errors"]): Map<string, number> {
  const shares = new Map(Object.entries(errors).filter(([, share]) => share > 0));
  const sum = [...shares.values()].reduce((total, share) => total + share, 0);
  if (![...shares.keys()].some((name) => rightClasses.has(name)) && sum < 1) shares.set("right", 1 - sum);
  return shares;
}

/** By meaning where known, else the next of a palette. */
const lookOf = (name: string, classes: readonly string[]): string =>
  knownLooks[name] ?? `share-other-${classes.filter((other) => !(other in knownLooks)).indexOf(name) % 3}`;

/** Answers by class, before and after, one bar each. */
function barsOf(runs: readonly RunRecord[]): Block {
  const bars = runs.flatMap((run) =>
    (["before", "after"] as const).flatMap((when) => {
      const errors = run[when]?.errors ?? {};
      return Object.keys(errors).length === 0
        ? []
        : [{ label: run.kind === "evaluation" ? run.name : `${run.name}, ${when}`, shares: wholeOf(errors) }];
    }),
  );
  if (bars.length === 0) return note("No evaluation sorted its answers.");
  const present = new Set(bars.flatMap(({ shares }) => [...shares.keys()]));
  const classes = [...new Set([...Object.keys(knownLooks), ...present])].filter((name) => present.has(name));
  return {
    kind: "bars",
    classes: classes.map((name) => ({ name, look: lookOf(name, classes) })),
    bars: bars.map(({ label, shares }) => ({ label, shares: classes.map((name) => shares.get(name) ?? 0) })),
  };
}

/**
 * Error by error, how many of a baseline's a recipe has less (PAPO, arXiv:2507.06448, fig. 1): seeds of a side
 * together, over the questions that all were asked. Empty where no wrong answer was sorted.
 */
function goneOf(runs: readonly RunRecord[], comparisons: readonly Comparison[]): Block[] {
  const byName = byRecipe(runs);
  const questionsOf = (recipe: string): Question[] =>
    pooled((byName.get(recipe) ?? []).flatMap(({ after }) => (after === null ? [] : [after.questions])));
  const groups = comparisons.flatMap(({ recipe, baseline }): RowGroup[] => {
    const [theirs, own] = [questionsOf(baseline), questionsOf(recipe)];
    const ids = new Set(own.map(({ id }) => id));
    if (!theirs.some(({ id }) => ids.has(id))) return [];
    const rows = Object.entries(compareEvaluations(theirs, own).errors)
      .filter(([name]) => name !== "unsorted")
      .map(([head, { a, b, reduction }]) => ({
        head,
        cells: [
          { text: percent(a) },
          { text: percent(b) },
          Number.isFinite(reduction.value)
            ? { text: percent(reduction.value), small: `${percent(reduction.low)} to ${percent(reduction.high)}` }
            : null,
        ],
      }));
    return rows.length === 0 ? [] : [{ head: recipe, small: `against ${baseline}`, rows }];
  });
  if (groups.length === 0) return [];
  return [
    {
      kind: "table",
      caption: "Errors of a recipe and of its baseline",
      corner: ["recipe", "error"],
      columns: [
        { text: "baseline, % of answers" },
        { text: "recipe, % of answers" },
        { text: "of the baseline's gone, %" },
      ],
      groups,
    },
    note(
      "Small numbers: 95 % interval over questions; seeds of a recipe count together, and their own luck is not in it.",
    ),
  ];
}

export const errorBlocks = (runs: readonly RunRecord[], comparisons: readonly Comparison[]): Block[] => [
  barsOf(runs),
  ...goneOf(runs, comparisons),
];
