/** What the page says of the runs besides curves, rollouts and questions. */
import { comparisonsOf, gainsOf, verdictOf, type Comparison } from "../report/verdict.ts";
import type { RunRecord } from "../report/run-record.ts";
import { short, type AlarmLine, type Overview, type RunHead } from "./contract.ts";
import { errorBlocks } from "./error-blocks.ts";
import { ledgerBlocks } from "./ledger-blocks.ts";
import { metricHeads, metricKeys, type MetricKeys } from "./metrics.ts";
import { resultBlocks } from "./result-blocks.ts";
import { settingsBlocks } from "./settings-blocks.ts";

const shownAlarms = 200;
/** Steps that pace is averaged over. */
const paceSteps = 10;

/** What only somebody who watches knows of a run. */
export type RunNow = Pick<RunHead, "state" | "changed" | "controls">;

const names = new WeakMap<RunRecord["steps"], ReadonlySet<string>>();

/** All metric names of a run, in the order of first appearance. */
export function metricNamesOf({ steps }: Pick<RunRecord, "steps">): ReadonlySet<string> {
  const known = names.get(steps) ?? new Set(steps.flatMap(({ metrics }) => Object.keys(metrics)));
  names.set(steps, known);
  return known;
}

export const keysOf = (runs: readonly Pick<RunRecord, "steps">[]): MetricKeys[] =>
  runs.map((run) => metricKeys(metricNamesOf(run)));

/** As a folder alone tells it: nobody watches the run. */
export function restingRun(run: RunRecord): RunNow {
  const steps = stepsOf(run);
  const state =
    run.kind === "evaluation"
      ? "evaluation"
      : steps !== null && (run.steps.at(-1)?.step ?? 0) >= steps
        ? "finished"
        : "silent";
  return { state, changed: null, controls: false };
}

function stepsOf({ settings }: RunRecord): number | null {
  const steps = settings["steps"];
  return typeof steps === "number" ? steps : null;
}

/** The first line of how it ended; what a run that was killed wrote is of an earlier end, and steps came after it. */
function endOf({ alarms, steps }: RunRecord): string | null {
  const end = alarms.findLast(({ kind }) => kind === "end");
  return end === undefined || end.step < (steps.at(-1)?.step ?? 0) ? null : end.message.split("\n")[0]!;
}

function headOf(run: RunRecord, keys: MetricKeys, now: RunNow): RunHead {
  const paces = run.steps.slice(-paceSteps).flatMap(({ metrics }) => metrics["timing/step_seconds"] ?? []);
  const newest = (name: string): number | null =>
    short(run.steps.findLast(({ metrics }) => metrics[name] !== undefined)?.metrics[name]);
  return {
    name: run.name,
    recipe: run.recipe,
    ...now,
    ended: endOf(run),
    step: run.steps.at(-1)?.step ?? 0,
    steps: stepsOf(run),
    secondsPerStep: paces.length === 0 ? null : short(paces.reduce((sum, value) => sum + value, 0) / paces.length),
    latest: Object.fromEntries(
      [...keys.headlines].flatMap(([key, name]) => {
        const value = newest(name);
        return value === null ? [] : [[key, value]];
      }),
    ),
  };
}

/** Alarms, skips and unreadable files of all runs, newest first. */
function alarmsOf(runs: readonly RunRecord[]): AlarmLine[] {
  const lines = runs.flatMap(({ alarms, problems, steps }, run) => [
    ...alarms.filter(({ kind }) => kind !== "checkpoint" && kind !== "end").map((alarm) => ({ run, ...alarm })),
    ...problems.map((message) => ({ run, step: steps.at(-1)?.step ?? 0, kind: "while reading its folder", message })),
  ]);
  return lines.reverse().sort((a, b) => b.step - a.step);
}

/**
 * The parts that rest on evaluations and settle who is better: dear to compute, and the same until an evaluation
 * changes.
 */
export type Settled = Pick<Overview, "verdicts"> &
  Readonly<Record<"result" | "errors", Overview["sections"]["result"]>>;

export function settledOf(
  runs: readonly RunRecord[],
  comparisons: readonly Comparison[] = comparisonsOf(runs),
): Settled {
  const evaluated = runs.some(({ before, after }) => before !== null || after !== null);
  return {
    verdicts: evaluated ? [...comparisons.map((comparison) => verdictOf(comparison, runs)), ...gainsOf(runs)] : [],
    result: resultBlocks(runs),
    errors: errorBlocks(runs, comparisons),
  };
}

export interface OverviewInput {
  readonly title: string;
  readonly subtitle: string;
  readonly runs: readonly RunRecord[];
  readonly now: readonly RunNow[];
  readonly settled: Settled;
}

export function overviewOf({
  title,
  subtitle,
  runs,
  now,
  settled: { verdicts, result, errors },
}: OverviewInput): Overview {
  const keys = keysOf(runs);
  const alarms = alarmsOf(runs);
  return {
    title,
    subtitle,
    verdicts,
    runs: runs.map((run, index) => headOf(run, keys[index]!, now[index]!)),
    metrics: metricHeads(runs.map(metricNamesOf), keys),
    sections: { result, errors, ledger: ledgerBlocks(runs), settings: settingsBlocks(runs) },
    alarms: alarms.slice(0, shownAlarms),
    alarmCount: alarms.length,
  };
}
