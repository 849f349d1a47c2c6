/** What the page's script draws: run records made small. */
import { bandOf, byRecipe, metricNames } from "./curves.ts";
import { headlineMetrics, headlines, type Headline } from "./headline.ts";
import type { PictureShelf } from "./pictures.ts";
import { questionTable, type QuestionTable } from "./questions.ts";
import type { RunRecord, SampleRow } from "./run-record.ts";

/** Tokens shown of one response: longer ones are cut, and the page says so. */
const largestShownLength = 1500;

/**
 * Everything below `runs` refers to them by index. Numbers have four significant digits.
 * Metrics: `shown` are drawn at first; `first` have their buttons before the fold; `names` are what metrics.jsonl calls it. A headline's key is its own, since runs may have measured it under different names.
 */
export interface ReportData {
  readonly runs: readonly { readonly name: string; readonly recipe: string; readonly steps: readonly number[]; readonly metrics: Series }[];
  /** Recipes of several seeds: their bands. */
  readonly bands: readonly { readonly recipe: string; readonly runs: readonly number[]; readonly metrics: Readonly<Record<string, ShortBand>> }[];
  readonly metrics: readonly { readonly key: string; readonly title: string; readonly names: string; readonly shown: boolean; readonly first: boolean }[];
  readonly samples: readonly ShownSample[];
  readonly evaluation: QuestionTable;
  /** Data URLs. */
  readonly pictures: readonly string[];
}

type Series = Readonly<Record<string, readonly (number | null)[]>>;
type ShortBand = Readonly<Record<"steps" | "mean" | "low" | "high", readonly (number | null)[]>>;

export interface ShownSample extends Omit<SampleRow, "pictures" | "perceptionKl"> {
  readonly run: number;
  /** Of the first view that was scored; empty when none was. */
  readonly perceptionKl: readonly number[];
  /** Indices into `pictures` by view; null when the file could not be read. */
  readonly views: readonly { readonly view: string; readonly picture: number | null }[];
  /** How many tokens are not shown. */
  readonly cut: number;
}

const short = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(4));

export const reportDataOf = (runs: readonly RunRecord[], shelf: PictureShelf): ReportData => {
  const own = runs.map(headlinesOf);
  const drawn = runs.map((run, index) => withHeadlines(run, own[index]!));
  const names = metricNames(drawn);
  return {
    runs: drawn.map((run) => ({
      name: run.name,
      recipe: run.recipe,
      steps: run.steps.map(({ step }) => step),
      metrics: Object.fromEntries(names.map((name) => [name, run.steps.map(({ metrics }) => short(metrics[name]))])),
    })),
    bands: bandsOf(drawn, names),
    metrics: orderedMetrics(names, own),
    samples: orderedSamples(runs).map(({ run, sample }) => shownSample(run, runs.indexOf(run), sample, shelf)),
    evaluation: questionTable(runs, shelf),
    pictures: shelf.urls,
  };
};

/** The last step first, runs alternating, so that the first page shows all runs at their end. */
const orderedSamples = (runs: readonly RunRecord[]): { run: RunRecord; sample: SampleRow }[] => {
  const placed = runs.flatMap((run) =>
    run.samples.map((sample, at) => {
      const place = run.samples.slice(0, at).filter((other) => other.step === sample.step).length;
      return { run, sample, place };
    }),
  );
  return placed.sort((a, b) => b.sample.step - a.sample.step || a.place - b.place);
};

const bandsOf = (runs: readonly RunRecord[], names: readonly string[]): ReportData["bands"] =>
  [...byRecipe(runs)].filter(([, seeds]) => seeds.length > 1).map(([recipe, seeds]) => ({
    recipe,
    runs: seeds.map((run) => runs.indexOf(run)),
    metrics: Object.fromEntries(
      names.map((name) => {
        const { steps, mean, low, high } = bandOf(seeds, name);
        return [name, { steps, mean: mean.map(short), low: low.map(short), high: high.map(short) }];
      }),
    ),
  }));

type Headlines = ReturnType<typeof headlineMetrics>;

const headlinesOf = (run: RunRecord): Headlines => headlineMetrics(metricNames([run]));
const keyOf = (id: Headline["id"]): string => `headline/${id}`;

/** The run with its headlines under their own keys instead of the names that its plugins gave them. */
function withHeadlines(run: RunRecord, own: Headlines): RunRecord {
  const keys = new Map([...own].map(([id, name]) => [name, keyOf(id)]));
  return { ...run, steps: run.steps.map(({ step, metrics }) => ({ step, metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [keys.get(name) ?? name, value])) })) };
}

/** Headlines first, in their order, then clip fractions and terms of the loss, then everything else by name. */
const orderedMetrics = (names: readonly string[], own: readonly Headlines[]): ReportData["metrics"] => {
  const first = headlines.flatMap(({ id, title }) => {
    const called = [...new Set(own.flatMap((found) => found.get(id) ?? []))];
    return called.length === 0 ? [] : [{ key: keyOf(id), title, names: called.join(", "), shown: true, first: true }];
  });
  const taken = new Set(first.map(({ key }) => key));
  const rest = names.filter((name) => !taken.has(name)).sort();
  const isNear = (name: string): boolean => /^loss\/|^(?!coefficient\/).*clip/.test(name);
  const buttons = (list: readonly string[], near: boolean): ReportData["metrics"] => list.map((key) => ({ key, title: key, names: "", shown: false, first: near }));
  return [...first, ...buttons(rest.filter(isNear), true), ...buttons(rest.filter((name) => !isNear(name)), false)];
};

const shownSample = (run: RunRecord, index: number, sample: SampleRow, shelf: PictureShelf): ShownSample => {
  const { pictures, perceptionKl, ...rest } = sample;
  const cutTo = <T>(list: readonly T[]): readonly T[] => list.slice(0, largestShownLength);
  const shorts = (list: readonly number[]): number[] => cutTo(list).map((value) => short(value) ?? 0);
  return {
    ...rest,
    run: index,
    pieces: cutTo(sample.pieces),
    logProbs: shorts(sample.logProbs),
    advantages: shorts(sample.advantages),
    perceptionKl: shorts(Object.values(perceptionKl)[0] ?? []),
    views: pictures.flatMap(({ views }) => Object.entries(views).map(([view, file]) => ({ view, picture: shelf.index(run, file) }))),
    cut: Math.max(0, sample.pieces.length - largestShownLength),
  };
};
