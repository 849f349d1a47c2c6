/** The parts of the page that need no script: verdicts, before and after, errors, settings, alarms. */
import { byRecipe } from "./curves.ts";
import { compareEvaluations, pooled } from "../evaluation/scores.ts";
import type { Question } from "../evaluation/question.ts";
import { escapeHtml } from "./html.ts";
import type { Comparison } from "./verdict.ts";
import type { Accuracy, Evaluation, RunRecord, Share } from "./run-record.ts";

const percent = (value: number): string => (100 * value).toFixed(1);

/** One run: value with its 95 % interval. Several seeds: their mean with the smallest and largest. */
const accuracyCell = (shares: readonly Share[]): string => {
  const [only] = shares;
  if (only === undefined) return `<td class="none">–</td>`;
  const values = shares.map((share) => share.accuracy);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [low, high] = shares.length === 1 ? [only.low, only.high] : [Math.min(...values), Math.max(...values)];
  return `<td><b>${percent(mean)}</b> <small>${percent(low)}–${percent(high)}</small></td>`;
};

const numberCell = (values: readonly (number | null | undefined)[], format: (value: number) => string): string => {
  const known = values.filter((value) => typeof value === "number");
  if (known.length === 0) return `<td class="none">–</td>`;
  return `<td>${format(known.reduce((sum, value) => sum + value, 0) / known.length)}</td>`;
};

/** What the columns show: only what somebody measured. */
interface Columns {
  /** Ways of sampling, in the order of first appearance. */
  readonly measures: readonly string[];
  readonly needsPicture: boolean;
  readonly errors: boolean;
  readonly klPrcp: boolean;
}

const accuraciesOf = ({ accuracy, sampled }: Evaluation): Accuracy[] => (sampled === null ? [accuracy] : [accuracy, sampled]);

function columnsOf(evaluations: readonly Evaluation[]): Columns {
  const all = evaluations.flatMap(accuraciesOf);
  return {
    measures: [...new Set(all.map(({ measure }) => measure))],
    needsPicture: all.some(({ visionDependent }) => visionDependent !== null),
    errors: evaluations.some(({ errors }) => Object.keys(errors).length > 0),
    klPrcp: evaluations.some(({ klPrcp }) => klPrcp !== null),
  };
}

const row = (label: string, evaluations: readonly Evaluation[], columns: Columns): string => {
  const shares = (measure: string, part: "overall" | "visionDependent"): Share[] =>
    evaluations.flatMap((evaluation) => accuraciesOf(evaluation).filter((accuracy) => accuracy.measure === measure).flatMap((accuracy) => accuracy[part] ?? []));
  const cells = [
    ...columns.measures.flatMap((measure) => [accuracyCell(shares(measure, "overall")), ...(columns.needsPicture ? [accuracyCell(shares(measure, "visionDependent"))] : [])]),
    ...(columns.errors ? [numberCell(evaluations.map(({ errors }) => perceptionShare(errors)), percent)] : []),
    ...(columns.klPrcp ? [numberCell(evaluations.map(({ klPrcp }) => klPrcp), (value) => value.toFixed(3))] : []),
  ];
  return `<tr>${label}${cells.join("")}</tr>`;
};

const perceptionShare = (errors: Evaluation["errors"]): number | undefined =>
  Object.keys(errors).length === 0 ? undefined : (errors["perception"] ?? 0);

const evaluationsOf = ({ before, after }: RunRecord): Evaluation[] => [before, after].filter((evaluation) => evaluation !== null);

/** Before and after training, one pair of rows per recipe; one row per evaluation of a model that was given as such. */
export const resultTable = (runs: readonly RunRecord[]): string => {
  const evaluations = runs.flatMap(evaluationsOf);
  if (evaluations.length === 0) return `<p class="note">Nothing was evaluated.</p>`;
  const columns = columnsOf(evaluations);
  const bodies = [...byRecipe(runs)].map(([recipe, seeds]) => {
    const name = `${escapeHtml(recipe)}${seeds.length > 1 ? ` <small>${seeds.length} seeds</small>` : ""}`;
    const after = seeds.flatMap((run) => run.after ?? []);
    if (seeds.every(({ kind }) => kind === "evaluation")) return `<tbody>${row(`<th scope="rowgroup">${name}</th><th scope="row">evaluation</th>`, after, columns)}</tbody>`;
    const before = row(`<th rowspan="2" scope="rowgroup">${name}</th><th scope="row">before</th>`, seeds.flatMap((run) => run.before ?? []), columns);
    return `<tbody>${before}${row(`<th scope="row">after</th>`, after, columns)}</tbody>`;
  });
  const parts = columns.needsPicture ? ["all", "need the picture"] : ["all"];
  const heads = columns.measures.map((measure) => `<th${parts.length > 1 ? ` colspan="${parts.length}"` : ""}>${escapeHtml(measure)},<br>% right</th>`);
  const rest = [...(columns.errors ? ["perception<br>errors, %"] : []), ...(columns.klPrcp ? ["KL_prcp,<br>nats/token"] : [])].map((head) => `<th rowspan="2">${head}</th>`);
  return `<div class="wide"><table class="results"><thead>
<tr><th rowspan="2">${runs.some(({ kind }) => kind === "run") ? "recipe" : "evaluation"}</th><th rowspan="2"></th>${heads.join("")}${rest.join("")}</tr>
<tr>${columns.measures.flatMap(() => parts).map((part) => `<th>${part}</th>`).join("")}</tr></thead>${bodies.join("")}</table></div>
${measuredNote(evaluations, columns)}`;
};

/** What the numbers are of: data, questions, answers to each, how they were sampled; and what the small ones and the last columns are. */
const measuredNote = (evaluations: readonly Evaluation[], columns: Columns): string => {
  const measured = [...new Set(evaluations.flatMap(accuraciesOf).map(samplingText))];
  const direct = evaluations.some(({ errors }) => (errors["direct"] ?? 0) > 0);
  const sentences = [
    "Small numbers: 95 % interval over questions of one run, or the lowest and highest of several seeds.",
    ...(columns.errors ? [`Perception errors: share of all answers of the first column that are wrong because something was seen wrongly.${direct ? " A wrong answer that states no fact shows no cause: it counts as “direct” in the bars below." : ""}`] : []),
    ...(columns.klPrcp ? ["KL_prcp: mean over the tokens of these answers, to questions that need the picture where the data says which do, of k3 of KL[π ‖ π_masked]."] : []),
  ];
  return `<ul class="note measured">${measured.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul><p class="note">${escapeHtml(sentences.join(" "))}</p>`;
};

/** "avg@4 at T = 1: share of right answers to 1,000 questions of rows.jsonl, 4 answers to each, at most 256 tokens, seed 1". */
const samplingText = ({ measure, overall, sampling: { data, samples = 1, temperature, maxNewTokens, seed } }: Accuracy): string => {
  const from = data === undefined ? "" : ` of ${data.split(/[\\/]/).at(-1)}`;
  const how = [
    `${samples} answer${samples === 1 ? "" : "s"} to each${temperature === 0 ? ", always the likeliest token" : ""}`,
    ...(maxNewTokens === undefined ? [] : [`at most ${maxNewTokens.toLocaleString("en")} tokens`]),
    ...(seed === undefined || temperature === 0 ? [] : [`seed ${seed}`]),
  ];
  return `${measure}: share of right answers to ${overall.n.toLocaleString("en")} question${overall.n === 1 ? "" : "s"}${from}, ${how.join(", ")}.`;
};

/** Style of the classes whose meaning is known, in the order in which bars stack them; others follow. */
const knownClasses: Readonly<Record<string, string>> = {
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
const wholeOf = (errors: Evaluation["errors"]): Map<string, number> => {
  const shares = new Map(Object.entries(errors).filter(([, share]) => share > 0));
  const sum = [...shares.values()].reduce((total, share) => total + share, 0);
  if (![...shares.keys()].some((name) => rightClasses.has(name)) && sum < 1) shares.set("right", 1 - sum);
  return shares;
};

/** Answers by class before and after, one bar each, with a legend. Empty when no run has an evaluation with classes. */
export const errorBars = (runs: readonly RunRecord[]): string => {
  const bars = runs.flatMap((run) =>
    (["before", "after"] as const).flatMap((when) => {
      const errors = run[when]?.errors ?? {};
      return Object.keys(errors).length === 0 ? [] : [{ label: run.kind === "evaluation" ? run.name : `${run.name}, ${when}`, shares: wholeOf(errors) }];
    }),
  );
  const present = new Set(bars.flatMap(({ shares }) => [...shares.keys()]));
  const classes = [...new Set([...Object.keys(knownClasses), ...present])].filter((name) => present.has(name));
  if (bars.length === 0) return `<p class="note">No evaluation sorted its answers.</p>`;
  const legend = classes.map((name) => `<span class="key"><i class="${colourOf(name, classes)}"></i>${escapeHtml(name)}</span>`).join("");
  const lines = bars.map(({ label, shares }) => {
    const pieces = classes.map((name) => barPiece(name, shares.get(name) ?? 0, colourOf(name, classes)));
    return `<div class="bar-label">${escapeHtml(label)}</div><div class="bar">${pieces.join("")}</div>`;
  });
  return `<div class="legend">${legend}</div><div class="bars">${lines.join("")}</div>`;
};

/**
 * Error by error, how many of a baseline's a recipe has less (PAPO, arXiv:2507.06448, fig. 1): seeds of a side together, over the questions that all were asked. Empty
 * where no wrong answer was sorted.
 */
export const errorTable = (runs: readonly RunRecord[], comparisons: readonly Comparison[]): string => {
  const groups = byRecipe(runs);
  const questionsOf = (recipe: string): Question[] => pooled((groups.get(recipe) ?? []).flatMap(({ after }) => (after === null ? [] : [after.questions])));
  const bodies = comparisons.flatMap(({ recipe, baseline }) => {
    const [theirs, own] = [questionsOf(baseline), questionsOf(recipe)];
    const ids = new Set(own.map(({ id }) => id));
    if (!theirs.some(({ id }) => ids.has(id))) return [];
    const errors = Object.entries(compareEvaluations(theirs, own).errors).filter(([name]) => name !== "unsorted");
    const rows = errors.map(([name, { a, b, reduction }], index) => {
      const head = index === 0 ? `<th rowspan="${errors.length}" scope="rowgroup">${escapeHtml(recipe)}<br><small>against ${escapeHtml(baseline)}</small></th>` : "";
      const less = Number.isFinite(reduction.value) ? `<b>${percent(reduction.value)}</b> <small>${percent(reduction.low)} to ${percent(reduction.high)}</small>` : "–";
      return `<tr>${head}<th scope="row">${escapeHtml(name)}</th><td>${percent(a)}</td><td>${percent(b)}</td><td>${less}</td></tr>`;
    });
    return rows.length === 0 ? [] : [`<tbody>${rows.join("")}</tbody>`];
  });
  if (bodies.length === 0) return "";
  return `<div class="wide"><table class="results"><thead><tr><th>recipe</th><th>error</th><th>baseline, % of answers</th><th>recipe, % of answers</th><th>of the baseline's gone, %</th></tr></thead>${bodies.join("")}</table></div>
<p class="note">Small numbers: 95 % interval over questions; seeds of a recipe count together, and their own luck is not in it.</p>`;
};

const barPiece = (name: string, share: number, colour: string): string => {
  if (share <= 0) return "";
  const label = `${name}: ${percent(share)} %`;
  return `<span class="${colour}" style="width:${(100 * share).toFixed(2)}%" title="${escapeHtml(label)}">${share >= 0.06 ? percent(share) : ""}</span>`;
};

/** A class of the style sheet: by meaning where known, else the next of a palette. */
const colourOf = (name: string, classes: readonly string[]): string =>
  knownClasses[name] ?? `share-other-${classes.filter((other) => !(other in knownClasses)).indexOf(name) % 3}`;

const settingText = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

/** Settings by run; those that differ come first and are marked. */
export const settingsTable = (runs: readonly RunRecord[]): string => {
  const all = runs.map((run): Record<string, unknown> => ({ recipe: run.recipe, seed: run.seed, steps: run.steps.length, ...run.settings }));
  const names = [...new Set(all.flatMap((settings) => Object.keys(settings)))];
  const rows = names.map((name) => {
    const values = all.map((settings) => (name in settings ? settingText(settings[name]) : "–"));
    return { name, values, differs: new Set(values).size > 1 };
  });
  rows.sort((a, b) => Number(b.differs) - Number(a.differs));
  const body = rows.map(({ name, values, differs }) => {
    const cells = values.map((value) => `<td>${escapeHtml(value)}</td>`).join("");
    return `<tr${differs ? ` class="differs"` : ""}><th scope="row">${escapeHtml(name)}</th>${cells}</tr>`;
  });
  const head = runs.map((run) => `<th>${escapeHtml(run.name)}</th>`).join("");
  return `<div class="wide"><table class="settings"><thead><tr><th></th>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
};

/** Alarms, skips and unreadable files of all runs; empty when there were none. */
export const alarmList = (runs: readonly RunRecord[]): string => {
  const items = runs.flatMap((run) => [
    ...run.alarms.filter(({ kind }) => kind !== "checkpoint").map(({ kind, step, message }) => `${run.name}, step ${step}, ${kind}: ${message}`),
    ...run.problems.map((problem) => `${run.name}, while reading its folder: ${problem}`),
  ]);
  if (items.length === 0) return "";
  const shown = items.slice(0, 100).map((item) => `<li>${escapeHtml(item)}</li>`).join("");
  const more = items.length > 100 ? `<p class="note">${items.length - 100} more are in the runs' alarms.jsonl.</p>` : "";
  return `<section><h2>Alarms</h2><ul class="alarms">${shown}</ul>${more}</section>`;
};
