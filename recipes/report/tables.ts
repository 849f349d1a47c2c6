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

const row = (label: string, evaluations: readonly Evaluation[]): string => {
  const shares = (pick: (evaluation: Evaluation) => Accuracy | null, part: keyof Accuracy): Share[] =>
    evaluations.flatMap((evaluation) => pick(evaluation)?.[part] ?? []);
  const cells = [
    accuracyCell(shares((evaluation) => evaluation.greedy, "overall")),
    accuracyCell(shares((evaluation) => evaluation.greedy, "visionDependent")),
    accuracyCell(shares((evaluation) => evaluation.sampled, "overall")),
    accuracyCell(shares((evaluation) => evaluation.sampled, "visionDependent")),
    numberCell(evaluations.map(({ errors }) => perceptionShare(errors)), percent),
    numberCell(evaluations.map(({ klPrcp }) => klPrcp), (value) => value.toFixed(3)),
  ];
  return `<tr>${label}${cells.join("")}</tr>`;
};

const perceptionShare = (errors: Evaluation["errors"]): number | undefined =>
  Object.keys(errors).length === 0 ? undefined : (errors["perception"] ?? 0);

/** Before and after training, one pair of rows per recipe. */
export const resultTable = (runs: readonly RunRecord[]): string => {
  const bodies = [...byRecipe(runs)].map(([recipe, seeds]) => {
    const name = `${escapeHtml(recipe)}${seeds.length > 1 ? ` <small>${seeds.length} seeds</small>` : ""}`;
    const before = row(`<th rowspan="2" scope="rowgroup">${name}</th><th scope="row">before</th>`, seeds.flatMap((run) => run.before ?? []));
    const after = row(`<th scope="row">after</th>`, seeds.flatMap((run) => run.after ?? []));
    return `<tbody>${before}${after}</tbody>`;
  });
  const n = Math.max(0, ...runs.flatMap((run) => run.after?.greedy.overall.n ?? []));
  const scenes = n > 0 ? `${n.toLocaleString("en")} unseen scenes. ` : "";
  const direct = runs.some((run) => [run.before, run.after].some((evaluation) => (evaluation?.errors["direct"] ?? 0) > 0));
  const aside = direct ? " A wrong answer that states no fact shows no cause: it counts as “direct” in the bars below." : "";
  return `<div class="wide"><table class="results"><thead>
<tr><th rowspan="2">recipe</th><th rowspan="2"></th><th colspan="2">greedy accuracy, %</th><th colspan="2">accuracy at T = 1, %</th>
<th rowspan="2">perception<br>errors, %</th><th rowspan="2">KL_prcp,<br>nats/token</th></tr>
<tr><th>all</th><th>need the picture</th><th>all</th><th>need the picture</th></tr></thead>${bodies.join("")}</table></div>
<p class="note">${scenes}Small numbers: 95 % interval of one run, or the lowest and highest of several seeds. Perception errors: share of all greedy
answers that are wrong because a stated fact about the picture is false.${aside}</p>`;
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
      return Object.keys(errors).length === 0 ? [] : [{ label: `${run.name}, ${when}`, shares: wholeOf(errors) }];
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
