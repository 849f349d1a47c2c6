/** Before and after training: shares of right answers, perception errors, what the answers owe to the picture. */
import { byRecipe } from "../report/curves.ts";
import type { Accuracy, Evaluation, RunRecord, Share } from "../report/run-record.ts";
import type { Part } from "../report/verdict.ts";
import { note, type Block, type Cell, type Row, type RowGroup, type Table } from "./blocks.ts";

export const percent = (value: number): string => (100 * value).toFixed(1);

const partTexts: Readonly<Record<Part, string>> = {
  overall: "all",
  visionDependent: "need the picture",
  priorWrong: "prior wrong",
};
const partNames = Object.keys(partTexts) as Part[];

/** What the columns show: only what somebody measured. */
interface Columns {
  /** Ways of sampling, in the order of first appearance. */
  readonly measures: readonly string[];
  /** Of the questions, in the order of the columns. */
  readonly parts: readonly Part[];
  readonly errors: boolean;
  readonly klPrcp: boolean;
}

const accuraciesOf = ({ accuracy, sampled }: Evaluation): Accuracy[] =>
  sampled === null ? [accuracy] : [accuracy, sampled];

function columnsOf(evaluations: readonly Evaluation[]): Columns {
  const all = evaluations.flatMap(accuraciesOf);
  return {
    measures: [...new Set(all.map(({ measure }) => measure))],
    parts: partNames.filter((part) => all.some((accuracy) => accuracy[part] !== null)),
    errors: evaluations.some(({ errors }) => Object.keys(errors).length > 0),
    klPrcp: evaluations.some(({ klPrcp }) => klPrcp !== null),
  };
}

/** One run: value with its 95 % interval. Several seeds: their mean with the smallest and largest. */
function accuracyCell(shares: readonly Share[]): Cell {
  const [only] = shares;
  if (only === undefined) return null;
  const values = shares.map(({ accuracy }) => accuracy);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [low, high] = shares.length === 1 ? [only.low, only.high] : [Math.min(...values), Math.max(...values)];
  return { text: percent(mean), small: `${percent(low)}–${percent(high)}` };
}

function meanCell(values: readonly (number | null | undefined)[], format: (value: number) => string): Cell {
  const known = values.filter((value) => typeof value === "number");
  return known.length === 0 ? null : { text: format(known.reduce((sum, value) => sum + value, 0) / known.length) };
}

function rowOf(head: string, evaluations: readonly Evaluation[], columns: Columns): Row {
  const shares = (measure: string, part: Part): Share[] =>
    evaluations.flatMap((evaluation) =>
      accuraciesOf(evaluation)
        .filter((accuracy) => accuracy.measure === measure)
        .flatMap((accuracy) => accuracy[part] ?? []),
    );
  const perception = ({ errors }: Evaluation): number | null =>
    Object.keys(errors).length === 0 ? null : (errors["perception"] ?? 0);
  return {
    head,
    cells: [
      ...columns.measures.flatMap((measure) => columns.parts.map((part) => accuracyCell(shares(measure, part)))),
      ...(columns.errors ? [meanCell(evaluations.map(perception), percent)] : []),
      ...(columns.klPrcp
        ? [
            meanCell(
              evaluations.map(({ klPrcp }) => klPrcp),
              (value) => value.toFixed(3),
            ),
          ]
        : []),
    ],
  };
}

function groupOf(recipe: string, seeds: readonly RunRecord[], columns: Columns): RowGroup {
  const small = seeds.length > 1 ? { small: `${seeds.length} seeds` } : {};
  const after = seeds.flatMap((run) => run.after ?? []);
  if (seeds.every(({ kind }) => kind === "evaluation"))
    return { head: recipe, ...small, rows: [rowOf("evaluation", after, columns)] };
  return {
    head: recipe,
    ...small,
    rows: [
      rowOf(
        "before",
        seeds.flatMap((run) => run.before ?? []),
        columns,
      ),
      rowOf("after", after, columns),
    ],
  };
}

/** A pair of rows per recipe; one row per evaluation of a model that was given as such. */
export function resultBlocks(runs: readonly RunRecord[]): Block[] {
  const evaluations = runs.flatMap(({ before, after }) => [before, after].filter((evaluation) => evaluation !== null));
  if (evaluations.length === 0) return [note("Nothing was evaluated.")];
  const columns = columnsOf(evaluations);
  const table: Table = {
    kind: "table",
    caption: "Shares of right answers",
    corner: [runs.some(({ kind }) => kind === "run") ? "recipe" : "evaluation", ""],
    columns: [
      ...columns.measures.flatMap((measure) =>
        columns.parts.map((part) => ({ text: partTexts[part], group: `${measure}, % right` })),
      ),
      ...(columns.errors ? [{ text: "perception errors, %" }] : []),
      ...(columns.klPrcp ? [{ text: "KL_prcp, nats/token" }] : []),
    ],
    groups: [...byRecipe(runs)].map(([recipe, seeds]) => groupOf(recipe, seeds, columns)),
  };
  return [
    table,
    { kind: "list", items: [...new Set(evaluations.flatMap(accuraciesOf).map(samplingText))] },
    note(meaningOf(evaluations, columns)),
  ];
}

/** What the small numbers and the last columns are. */
function meaningOf(evaluations: readonly Evaluation[], columns: Columns): string {
  const direct = evaluations.some(({ errors }) => (errors["direct"] ?? 0) > 0);
  return [
    "Small numbers: 95 % interval over questions of one run, or the lowest and highest of several seeds.",
    ...(columns.errors
      ? [
          `Perception errors: share of all answers of the first column that are wrong because something was seen wrongly.${direct ? " A wrong answer that states no fact shows no cause: it counts as “direct” in the bars below." : ""}`,
        ]
      : []),
    ...(columns.klPrcp
      ? [
          "KL_prcp: mean over the tokens of these answers, to questions that need the picture where the data says which do, of k3 of KL[π ‖ π_masked].",
        ]
      : []),
  ].join(" ");
}

/**
 * "avg@4 at T = 1: share of right answers to 1,000 questions of rows.jsonl, 4 answers to each, at most 256 tokens, seed
 * 1."
 */
function samplingText({
  measure,
  overall,
  sampling: { data, samples = 1, temperature, maxNewTokens, seed },
}: Accuracy): string {
  const from = data === undefined ? "" : ` of ${data.split(/[\\/]/).at(-1)}`;
  const how = [
    `${samples} answer${samples === 1 ? "" : "s"} to each${temperature === 0 ? ", always the likeliest token" : ""}`,
    ...(maxNewTokens === undefined ? [] : [`at most ${maxNewTokens.toLocaleString("en")} tokens`]),
    ...(seed === undefined || temperature === 0 ? [] : [`seed ${seed}`]),
  ];
  return `${measure}: share of right answers to ${overall.n.toLocaleString("en")} question${overall.n === 1 ? "" : "s"}${from}, ${how.join(", ")}.`;
}
