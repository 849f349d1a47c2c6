/**
 * A comparison's runs in a few kilobytes: which questions each answered rightly, and how its metrics went. What tables
 * over many comparisons are computed from.
 */
import { writeFileAtomic } from "@papo/core";
import { isRight, priorColumn, type Question } from "../evaluation/question.ts";
import type { RunRecord, StepRecord } from "../report/run-record.ts";

export interface RunSummary {
  readonly recipe: string;
  readonly seed: number;
  /**
   * A letter for each question in the order of `prior`: 1 where its answer is right, 0 where it is not. Of several
   * answers to each: how many are right, with blanks between.
   */
  readonly right: string;
  /** The mean of each metric over each quarter of the steps; times and counts of the machine left out. */
  readonly metrics: Readonly<Record<string, readonly number[]>>;
}

export interface ComparisonSummary {
  /** The embedded task, or the evaluation of run files. */
  readonly task: string;
  readonly strength: number | null;
  readonly steps: number | null;
  /**
   * A letter for each question: r where the prior leads to the right answer, w where to a wrong one, - where there is
   * none.
   */
  readonly prior: string;
  readonly runs: readonly RunSummary[];
}

const quarters = 4;

const isOfMachine = (metric: string): boolean => /^(?:timing|memory|learner\/known|rollout\/parity)/.test(metric);

/** Of runs that answered the same questions in the same order. */
export function summaryOf(
  runs: readonly RunRecord[],
  about: Pick<ComparisonSummary, "task" | "strength" | "steps">,
): ComparisonSummary {
  const questions = runs[0]?.after?.questions ?? [];
  return {
    ...about,
    prior: questions.map(({ categories }) => categories[priorColumn]?.[0] ?? "-").join(""),
    runs: runs.map(({ recipe, seed, steps, after }) => ({
      recipe,
      seed,
      right: lettersOf(after?.questions ?? []),
      metrics: quartersOf(steps),
    })),
  };
}

const lettersOf = (questions: readonly Question[]): string =>
  questions
    .map(({ answers }) => answers.filter(isRight).length)
    .join(questions.some(({ answers }) => answers.length > 1) ? " " : "");

function quartersOf(steps: readonly StepRecord[]): RunSummary["metrics"] {
  const names = [...new Set(steps.flatMap(({ metrics }) => Object.keys(metrics)))]
    .filter((name) => !isOfMachine(name))
    .sort();
  return Object.fromEntries(
    names.map((name) => [
      name,
      Array.from({ length: quarters }, (_, quarter) => {
        const own = steps
          .slice(Math.floor((quarter * steps.length) / quarters), Math.floor(((quarter + 1) * steps.length) / quarters))
          .flatMap(({ metrics }) => metrics[name] ?? []);
        return own.length === 0 ? 0 : Number((own.reduce((sum, value) => sum + value, 0) / own.length).toPrecision(4));
      }),
    ]),
  );
}

/** A run a line, so that a further one is a line more. */
export function writeSummary(file: string, { runs, ...about }: ComparisonSummary): void {
  const head = JSON.stringify(about).slice(0, -1);
  writeFileAtomic(file, `${head},"runs":[\n${runs.map((run) => JSON.stringify(run)).join(",\n")}\n]}\n`);
}
