/** What a comparison's runs come to: a table in the order of accuracy, and curves over what was varied. */
import { byRecipe } from "../report/curves.ts";
import { drawPanels, type Measured } from "./panels.ts";
import { holm } from "../evaluation/holm.ts";
import type { RunRecord } from "../report/run-record.ts";
import { perceptionDefaults } from "../../presets/tiny.ts";
import { accuracyOf, differenceOf, type Difference } from "../report/verdict.ts";

export interface Line {
  readonly label: string;
  readonly seeds: number;
  /** How answers were sampled: "greedy", "avg@4 at T = 1". */
  readonly measure: string;
  /** 95 % intervals over scenes and seeds, 0–1. */
  readonly accuracy: Difference;
  /** On the questions that cannot be answered without looking; null where the data does not say which. */
  readonly visionDependent: Difference | null;
  /** Minus the baseline's, scene by scene; null for the baseline itself. */
  readonly gain: Difference | null;
  /** Both on the questions about which the prior is wrong; null where there is no prior. */
  readonly priorWrong: { readonly accuracy: Difference; readonly gain: Difference | null } | null;
  /** Share of all answers that are wrong because something was seen wrongly; null where no answer was sorted. */
  readonly perceptionErrors: number | null;
  /** Null where it was not measured. */
  readonly klPrcp: number | null;
  /** Median over all steps of all seeds. */
  readonly secondsPerStep: number;
}

/** Variants by falling accuracy; those without a finished run are left out. */
export function linesOf(runs: readonly RunRecord[], baseline: string): Line[] {
  const groups = byRecipe(runs.filter(({ after }) => after !== null));
  const base = groups.get(baseline) ?? [];
  const lines = [...groups].map(([label, own]) => ({
    label,
    seeds: own.length,
    measure: own[0]!.after!.accuracy.measure,
    accuracy: accuracyOf(own, "overall"),
    visionDependent: own.some(({ after }) => after?.accuracy.visionDependent === null)
      ? null
      : accuracyOf(own, "visionDependent"),
    gain: label === baseline || base.length === 0 ? null : differenceOf(own, base, "overall"),
    priorWrong: priorOf(own, label === baseline ? [] : base),
    perceptionErrors: own.every(({ after }) => Object.keys(after!.errors).length === 0)
      ? null
      : mean(own.map(({ after }) => after!.errors["perception"] ?? 0)),
    klPrcp: own.some(({ after }) => after!.klPrcp === null) ? null : mean(own.map(({ after }) => after!.klPrcp!)),
    secondsPerStep: median(
      own.flatMap(({ steps }) => steps.flatMap(({ metrics }) => metrics["timing/step_seconds"] ?? [])),
    ),
  }));
  return lines.sort((a, b) => b.accuracy.value - a.accuracy.value || (a.label < b.label ? -1 : 1));
}

function priorOf(own: readonly RunRecord[], base: readonly RunRecord[]): Line["priorWrong"] {
  if (own.some(({ after }) => after?.accuracy.priorWrong === null)) return null;
  return {
    accuracy: accuracyOf(own, "priorWrong"),
    gain: base.length === 0 ? null : differenceOf(own, base, "priorWrong"),
  };
}

/** A column of the table: its head, and what stands in it for a line. */
type Column = readonly [head: string, cell: (line: Line, place: number) => string];

/**
 * Markdown, with columns for what was measured. A gain whose interval does not hold 0 is set in bold; p is
 * Holm-corrected for all lines.
 */
export function tableOf(lines: readonly Line[], baseline: string): string {
  const some = (has: (line: Line) => boolean, ...columns: readonly Column[]): readonly Column[] =>
    lines.some(has) ? columns : [];
  const withPrior = lines.some(({ priorWrong }) => priorWrong !== null);
  const adjusted = holm(lines.map(({ priorWrong, gain }) => (withPrior ? priorWrong?.gain?.p : gain?.p) ?? null));
  const chance: Column = ["p (Holm)", (_, place) => chanceOf(adjusted[place] ?? null)];
  const columns: readonly Column[] = [
    ["", (_, place) => String(place + 1)],
    ["recipe", ({ label }) => label.replaceAll("|", "\\|")],
    ["seeds", ({ seeds }) => String(seeds)],
    [`${lines[0]?.measure ?? "right"}, %`, ({ accuracy }) => interval(accuracy)],
    ...some(
      ({ visionDependent }) => visionDependent !== null,
      ["picture needed, %", ({ visionDependent }) => (visionDependent === null ? "–" : interval(visionDependent))],
    ),
    [`minus ${baseline}, points`, ({ gain }) => gainOf(gain)],
    ...(withPrior ? [] : [chance]),
    ...some(
      ({ priorWrong }) => priorWrong !== null,
      ["prior wrong, %", ({ priorWrong }) => (priorWrong === null ? "–" : interval(priorWrong.accuracy))],
      [`minus ${baseline} there`, ({ priorWrong }) => gainOf(priorWrong?.gain ?? null)],
      chance,
    ),
    ...some(
      ({ perceptionErrors }) => perceptionErrors !== null,
      [
        "perception errors, %",
        ({ perceptionErrors }) => (perceptionErrors === null ? "–" : (100 * perceptionErrors).toFixed(1)),
      ],
    ),
    ...some(({ klPrcp }) => klPrcp !== null, ["KL_prcp", ({ klPrcp }) => (klPrcp === null ? "–" : klPrcp.toFixed(2))]),
    ["s / step", ({ secondsPerStep }) => secondsPerStep.toFixed(2)],
  ];
  return [
    `| ${columns.map(([head]) => head).join(" | ")} |`.replace("|  |", "| |"),
    `|${columns.map(() => "---|").join("")}`,
    ...lines.map((line, place) => `| ${columns.map(([, cell]) => cell(line, place)).join(" | ")} |`),
    "",
  ].join("\n");
}

export const interval = ({ value, low, high }: Measured): string =>
  `${(100 * value).toFixed(1)} ± ${(50 * (high - low)).toFixed(1)}`;

export function gainOf(gain: Measured | null): string {
  if (gain === null) return "–";
  const points = `${gain.value < 0 ? "−" : "+"}${(100 * Math.abs(gain.value)).toFixed(1)} ± ${(50 * (gain.high - gain.low)).toFixed(1)}`;
  return gain.low > 0 || gain.high < 0 ? `**${points}**` : points;
}

export const chanceOf = (p: number | null): string => (p === null ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));

/** A number that was varied while everything else stayed: what a curve is drawn over. */
export interface Sweep {
  /** The recipe, with the options that stayed. */
  readonly recipe: string;
  readonly option: string;
  /** By rising value. */
  readonly points: readonly { readonly value: number; readonly line: Line }[];
}

/** Every option that takes three or more numbers while the rest of the label stays. */
export function sweepsOf(lines: readonly Line[]): Sweep[] {
  const found = new Map<string, { value: number; line: Line }[]>();
  for (const line of lines) {
    const [name = "", rest = ""] = line.label.split(":", 2);
    const pairs = rest === "" ? [] : rest.split(",");
    for (const [index, pair] of pairs.entries()) {
      const [option = "", value = ""] = pair.split("=");
      if (Number.isNaN(Number(value))) continue;
      const others = pairs.filter((_, other) => other !== index).join(",");
      const key = JSON.stringify([others === "" ? name : `${name}:${others}`, option]);
      found.set(key, [...(found.get(key) ?? []), { value: Number(value), line }]);
    }
  }
  return [...found].flatMap(([key, varied]) => {
    const [recipe, option] = JSON.parse(key) as [string, string];
    // The recipe as it is stands for the option's own value.
    const plain = lines.find(({ label }) => label === recipe);
    const value = perceptionDefaults[option];
    const points =
      plain === undefined || value === undefined || varied.some((point) => point.value === value)
        ? varied
        : [...varied, { value, line: plain }];
    return points.length < 3 ? [] : [{ recipe, option, points: points.sort((a, b) => a.value - b.value) }];
  });
}

/** One panel per sweep: accuracy with its interval at each value. */
export const drawSweeps = (sweeps: readonly Sweep[]): string =>
  drawPanels(
    sweeps.map(({ recipe, option, points }) => ({
      title: `${recipe}: accuracy over ${option}`,
      x: option,
      y: "right answers, %",
      at: points.map(({ value }) => String(value)),
      lines: [{ label: "", points: points.map(({ line: { accuracy } }) => inPercent(accuracy)) }],
    })),
  );

export const inPercent = ({ value, low, high }: Measured): Measured => ({
  value: 100 * value,
  low: 100 * low,
  high: 100 * high,
});

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
