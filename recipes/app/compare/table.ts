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
  /** 95 % intervals over scenes and seeds, 0–1. */
  readonly accuracy: Difference;
  readonly visionDependent: Difference;
  /** Minus the baseline's, scene by scene; null for the baseline itself. */
  readonly gain: Difference | null;
  /** Both on the questions about which the prior is wrong; null where there is no prior. */
  readonly priorWrong: { readonly accuracy: Difference; readonly gain: Difference | null } | null;
  /** Share of all answers that are wrong because something was seen wrongly. */
  readonly perceptionErrors: number;
  readonly klPrcp: number;
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
    accuracy: accuracyOf(own, "overall"),
    visionDependent: accuracyOf(own, "visionDependent"),
    gain: label === baseline || base.length === 0 ? null : differenceOf(own, base, "overall"),
    priorWrong: priorOf(own, label === baseline ? [] : base),
    perceptionErrors: mean(own.map(({ after }) => after?.errors["perception"] ?? 0)),
    klPrcp: mean(own.map(({ after }) => after?.klPrcp ?? 0)),
    secondsPerStep: median(own.flatMap(({ steps }) => steps.flatMap(({ metrics }) => metrics["timing/step_seconds"] ?? []))),
  }));
  return lines.sort((a, b) => b.accuracy.value - a.accuracy.value || (a.label < b.label ? -1 : 1));
}

function priorOf(own: readonly RunRecord[], base: readonly RunRecord[]): Line["priorWrong"] {
  if (own.some(({ after }) => after?.accuracy.priorWrong === null)) return null;
  return { accuracy: accuracyOf(own, "priorWrong"), gain: base.length === 0 ? null : differenceOf(own, base, "priorWrong") };
}

/** Markdown. A gain whose interval does not hold 0 is set in bold. */
export function tableOf(lines: readonly Line[], baseline: string): string {
  const withPrior = lines.some(({ priorWrong }) => priorWrong !== null);
  const adjusted = holm(lines.map(({ priorWrong }) => priorWrong?.gain?.p ?? null));
  const priorCells = ({ priorWrong }: Line, place: number): string[] =>
    !withPrior ? [] : priorWrong === null ? ["–", "–", "–"] : [interval(priorWrong.accuracy), gainOf(priorWrong.gain), chanceOf(adjusted[place] ?? null)];
  const row = (line: Line, place: number): string => {
    const { label, seeds, accuracy, visionDependent, gain, perceptionErrors, klPrcp, secondsPerStep } = line;
    const cells = [
      String(place + 1), label, String(seeds), interval(accuracy), interval(visionDependent), gainOf(gain),
      ...priorCells(line, place), (100 * perceptionErrors).toFixed(1), klPrcp.toFixed(2), secondsPerStep.toFixed(2),
    ];
    return `| ${cells.join(" | ")} |`;
  };
  const heads = [
    "", "recipe", "seeds", "greedy, %", "picture needed, %", `minus ${baseline}, points`, ...(withPrior ? ["prior wrong, %", `minus ${baseline} there`, "p (Holm)"] : []),
    "perception errors, %", "KL_prcp", "s / step",
  ];
  return [
    `| ${heads.join(" | ")} |`.replace("|  |", "| |"),
    `|${heads.map(() => "---|").join("")}`,
    ...lines.map(row),
    "",
  ].join("\n");
}

export const interval = ({ value, low, high }: Measured): string => `${(100 * value).toFixed(1)} ± ${(50 * (high - low)).toFixed(1)}`;

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
    const points = plain === undefined || value === undefined || varied.some((point) => point.value === value) ? varied : [...varied, { value, line: plain }];
    return points.length < 3 ? [] : [{ recipe, option, points: points.sort((a, b) => a.value - b.value) }];
  });
}

/** One panel per sweep: accuracy with its interval at each value. */
export const drawSweeps = (sweeps: readonly Sweep[]): string =>
  drawPanels(sweeps.map(({ recipe, option, points }) => ({
    title: `${recipe}: accuracy over ${option}`, x: option, y: "right answers, %",
    at: points.map(({ value }) => String(value)),
    lines: [{ label: "", points: points.map(({ line: { accuracy } }) => inPercent(accuracy)) }],
  })));

export const inPercent = ({ value, low, high }: Measured): Measured => ({ value: 100 * value, low: 100 * low, high: 100 * high });

export const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length);

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
