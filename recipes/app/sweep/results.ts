/** What a sweep's runs come to: a line for each configuration, as a table, and as curves over what was varied. */
import { nearest } from "@papo/core";
import { drawPanels, type Measured, type Panel } from "../compare/panels.ts";
import { inPercent, median } from "../compare/table.ts";
import { mean } from "../evaluation/statistics.ts";
import { guideOf } from "../page/metric-guide.ts";
import { metricNamesOf } from "../page/overview.ts";
import { byRecipe } from "../report/curves.ts";
import type { RunRecord } from "../report/run-record.ts";
import { accuracyOf, differenceOf, type Difference } from "../report/verdict.ts";
import type { Configuration, Varied } from "./grid.ts";

/** What configurations are ranked by. */
export interface Ranking {
  /** Null: the evaluation after training. */
  readonly metric: string | null;
  /** For people. */
  readonly title: string;
  readonly better: "up" | "down";
}

type Categories = Readonly<Record<string, Readonly<Record<string, Measured>>>>;

export interface SweepLine {
  readonly label: string;
  readonly values: readonly string[];
  /** Runs that are done. */
  readonly seeds: number;
  /** Of an evaluation: the same share by column and value; empty where it has no categories. */
  readonly categories: Categories;
  /**
   * Of an evaluation its share with a 95 % interval; of a metric the mean over seeds, with their lowest and highest.
   */
  readonly measured: Measured;
  /** Of an evaluation: minus the first configuration's, question by question; null for that itself. */
  readonly gain: Difference | null;
  /** Mean over seeds of the last steps. */
  readonly reward: number;
  /** Median over all steps of all seeds. */
  readonly secondsPerStep: number;
  readonly alarms: number;
}

/** Steps at the end that a metric is averaged over. */
const lastSteps = 10;

/** Mean over the last steps that have the metric; null where none has. */
function finalValue({ steps }: RunRecord, metric: string): number | null {
  const values = steps
    .flatMap(({ metrics }) => metrics[metric] ?? [])
    .filter(Number.isFinite)
    .slice(-lastSteps);
  return values.length === 0 ? null : mean(values);
}

/**
 * By the metric that is asked for, else by the evaluation after training where all runs have one, else by the reward.
 * @throws Error where no run has the metric
 */
export function rankingOf(runs: readonly RunRecord[], asked: string | undefined): Ranking {
  if (asked === undefined && runs.length > 0 && runs.every(({ after }) => after !== null))
    return { metric: null, title: "right answers after training, %", better: "up" };
  const metric = asked ?? "reward/mean";
  const names = [...new Set(runs.flatMap((run) => [...metricNamesOf(run)]))];
  if (runs.length > 0 && !names.includes(metric)) {
    const near = nearest(metric, names);
    throw new Error(
      `no run has the metric "${metric}"${near === null ? "" : `; did you mean "${near}"?`} There are ${names.sort().join(", ")}`,
    );
  }
  return {
    metric,
    title: `${metric}, last ${lastSteps} steps`,
    better: guideOf(metric).better === "down" ? "down" : "up",
  };
}

/**
 * The best first; configurations without a finished run are left out. @param runs their recipe is the configuration's
 * label
 */
export function linesOf(
  configurations: readonly Configuration[],
  runs: readonly RunRecord[],
  { metric, better }: Ranking,
): SweepLine[] {
  const groups = byRecipe(runs);
  const first = groups.get(configurations[0]?.label ?? "") ?? [];
  const lines = configurations.flatMap(({ label, values }): SweepLine[] => {
    const own = groups.get(label) ?? [];
    const finals = metric === null ? [] : own.flatMap((run) => finalValue(run, metric) ?? []);
    if (own.length === 0 || (metric !== null && finals.length === 0)) return [];
    return [
      {
        label,
        values,
        seeds: own.length,
        categories: metric === null ? categoriesOf(own) : {},
        measured:
          metric === null
            ? accuracyOf(own, "overall")
            : { value: mean(finals), low: Math.min(...finals), high: Math.max(...finals) },
        gain:
          metric !== null || label === configurations[0]!.label || first.length === 0
            ? null
            : differenceOf(own, first, "overall"),
        reward: mean(own.flatMap((run) => finalValue(run, "reward/mean") ?? [])),
        secondsPerStep: median(
          own.flatMap(({ steps }) => steps.flatMap(({ metrics }) => metrics["timing/step_seconds"] ?? [])),
        ),
        alarms: own.reduce((sum, { alarms }) => sum + alarms.filter(({ kind }) => kind === "alarm").length, 0),
      },
    ];
  });
  return lines.sort((a, b) =>
    better === "up" ? b.measured.value - a.measured.value : a.measured.value - b.measured.value,
  );
}

/** Values of a column that a table or a panel can tell apart. */
const mostCategories = 7;

/**
 * Right answers by category, of the columns that the evaluation names and that have few values: what one gains is often
 * another's loss.
 */
function categoriesOf(runs: readonly RunRecord[]): Categories {
  const questions = runs[0]?.after?.questions ?? [];
  const columns = [...new Set(questions.flatMap(({ categories }) => Object.keys(categories)))];
  return Object.fromEntries(
    columns.flatMap((column) => {
      const values = [...new Set(questions.flatMap(({ categories }) => categories[column] ?? []))].sort();
      if (values.length < 2 || values.length > mostCategories) return [];
      const shareOf = (value: string): Measured => accuracyOf(runs, ({ categories }) => categories[column] === value);
      return [[column, Object.fromEntries(values.map((value) => [value, shareOf(value)]))]];
    }),
  );
}

/** Columns with their values: all runs are measured by the same questions. */
const categoryNames = ([line]: readonly SweepLine[]): { column: string; values: string[] }[] =>
  Object.entries(line?.categories ?? {}).map(([column, values]) => ({ column, values: Object.keys(values) }));

/** Markdown. */
export function sweepTable(lines: readonly SweepLine[], varied: readonly Varied[], { metric, title }: Ranking): string {
  const categories = categoryNames(lines).flatMap(({ column, values }) => values.map((value) => ({ column, value })));
  const heads = [
    "",
    ...varied.map(({ name }) => name),
    "seeds",
    title,
    ...categories.map(({ column, value }) => `${column} ${value}, %`),
    ...(metric === null ? ["minus the first, points"] : []),
    "reward",
    "s / step",
    "alarms",
  ];
  const rows = lines.map(
    ({ values, seeds, measured, categories: own, gain, reward, secondsPerStep, alarms }, place) => [
      String(place + 1),
      ...values.map((value) => value.replaceAll("|", "\\|")),
      String(seeds),
      measuredText(measured, metric, seeds),
      ...categories.map(({ column, value }) => measuredText(own[column]![value]!, null, seeds)),
      ...(metric === null ? [gain === null ? "–" : gainText(gain)] : []),
      short(reward),
      secondsPerStep.toFixed(2),
      String(alarms),
    ],
  );
  return [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function measuredText(measured: Measured, metric: string | null, seeds: number): string {
  const { value, low, high } = metric === null ? inPercent(measured) : measured;
  const text = metric === null ? (number: number): string => number.toFixed(1) : short;
  return metric !== null && seeds === 1 ? text(value) : `${text(value)} (${text(low)} – ${text(high)})`;
}

function gainText({ value, low, high }: Difference): string {
  const points = (number: number): string => `${number < 0 ? "−" : "+"}${(100 * Math.abs(number)).toFixed(1)}`;
  const text = `${points(value)} (${points(low)} – ${points(high)})`;
  return low > 0 || high < 0 ? `**${text}**` : text;
}

const short = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–");

/** Lines that a panel can tell apart. */
const mostLines = 7;

/**
 * A panel for each option that is varied, with a line for each combination of the others; of too many of them, their
 * mean. Beside it one for each column of categories, with a line for each value.
 */
export function sweepPanels(
  lines: readonly SweepLine[],
  varied: readonly Varied[],
  { metric, title }: Ranking,
): Panel[] {
  const shown = lines.map((line) => ({
    ...line,
    measured: metric === null ? inPercent(line.measured) : line.measured,
  }));
  return varied.flatMap(({ name, values }, option) => {
    const others = (line: SweepLine): string =>
      line.values.flatMap((value, at) => (at === option ? [] : [`${varied[at]!.name}=${value}`])).join(", ");
    const groups = new Map<string, SweepLine[]>();
    for (const line of shown) groups.set(others(line), [...(groups.get(others(line)) ?? []), line]);
    const pointsOf = (own: readonly SweepLine[]): (Measured | null)[] =>
      values.map((value) => together(own.filter((line) => line.values[option] === value)));
    const drawn =
      groups.size > mostLines
        ? [{ label: "mean over the other options", points: pointsOf(shown) }]
        : [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, own]) => ({ label, points: pointsOf(own) }));
    const byCategory = categoryNames(lines).map(({ column, values: categories }): Panel => ({
      title: `over ${name}, by ${column}`,
      x: name,
      y: title,
      at: values,
      lines: categories.map((category) => {
        const measuredAt = (value: string): { measured: Measured }[] =>
          lines.flatMap(({ values: own, categories: shares }) =>
            own[option] === value ? [{ measured: inPercent(shares[column]![category]!) }] : [],
          );
        return { label: category, points: values.map((value) => together(measuredAt(value))) };
      }),
    }));
    const overall = { title: `over ${name}`, x: name, y: title, at: values, lines: drawn };
    return drawn.length === 0 ? [] : [overall, ...byCategory];
  });
}

function together(lines: readonly Pick<SweepLine, "measured">[]): Measured | null {
  if (lines.length < 2) return lines[0]?.measured ?? null;
  const values = lines.map(({ measured }) => measured.value);
  return { value: mean(values), low: Math.min(...values), high: Math.max(...values) };
}

export const drawSweep = (lines: readonly SweepLine[], varied: readonly Varied[], ranking: Ranking): string =>
  drawPanels(sweepPanels(lines, varied, ranking));
