/** What a comparison's runs come to: a table in the order of accuracy, and curves over what was varied. */
import { byRecipe } from "../report/curves.ts";
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
    perceptionErrors: mean(own.map(({ after }) => after?.errors["perception"] ?? 0)),
    klPrcp: mean(own.map(({ after }) => after?.klPrcp ?? 0)),
    secondsPerStep: median(own.flatMap(({ steps }) => steps.flatMap(({ metrics }) => metrics["timing/step_seconds"] ?? []))),
  }));
  return lines.sort((a, b) => b.accuracy.value - a.accuracy.value || (a.label < b.label ? -1 : 1));
}

/** Markdown. A gain whose interval does not hold 0 is set in bold. */
export function tableOf(lines: readonly Line[], baseline: string): string {
  const row = (line: Line, place: number): string => {
    const { label, seeds, accuracy, visionDependent, gain, perceptionErrors, klPrcp, secondsPerStep } = line;
    const cells = [
      String(place + 1), label, String(seeds), interval(accuracy), interval(visionDependent), gainOf(gain),
      (100 * perceptionErrors).toFixed(1), klPrcp.toFixed(2), secondsPerStep.toFixed(2),
    ];
    return `| ${cells.join(" | ")} |`;
  };
  return [
    `| | recipe | seeds | greedy, % | picture needed, % | minus ${baseline}, points | perception errors, % | KL_prcp | s / step |`,
    "|---|---|---|---|---|---|---|---|---|",
    ...lines.map(row),
    "",
  ].join("\n");
}

const interval = ({ value, low, high }: Difference): string => `${(100 * value).toFixed(1)} ± ${(50 * (high - low)).toFixed(1)}`;

function gainOf(gain: Difference | null): string {
  if (gain === null) return "–";
  const points = `${gain.value < 0 ? "−" : "+"}${(100 * Math.abs(gain.value)).toFixed(1)} ± ${(50 * (gain.high - gain.low)).toFixed(1)}`;
  return gain.low > 0 || gain.high < 0 ? `**${points}**` : points;
}

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

/** One panel per sweep: accuracy with its interval at each value, values evenly spaced. */
export function drawSweeps(sweeps: readonly Sweep[]): string {
  const [width, height, margin] = [340, 230, 44];
  const panels = sweeps.map(({ recipe, option, points }, index) => {
    const bounds = points.flatMap(({ line }) => [line.accuracy.low, line.accuracy.high]);
    const [bottom, top] = [Math.min(...bounds), Math.max(...bounds)];
    const x = (i: number): string => (index * width + margin + (i / (points.length - 1)) * (width - margin - 20)).toFixed(1);
    const y = (value: number): string => (28 + (1 - (value - bottom) / (top - bottom || 1)) * (height - 64)).toFixed(1);
    const bars = points.map(({ value, line: { accuracy } }, i) =>
      `<line x1="${x(i)}" x2="${x(i)}" y1="${y(accuracy.low)}" y2="${y(accuracy.high)}" stroke="#0072b2" opacity="0.5"/><circle cx="${x(i)}" cy="${y(accuracy.value)}" r="3" fill="#0072b2"/><text x="${x(i)}" y="${height - 18}" text-anchor="middle">${value}</text>`);
    const line = points.map(({ line: { accuracy } }, i) => `${x(i)},${y(accuracy.value)}`).join(" ");
    const ticks = [bottom, top].map((value) => `<text x="${index * width + margin - 6}" y="${Number(y(value)) + 3}" text-anchor="end">${(100 * value).toFixed(1)}</text>`);
    return `<text x="${index * width + margin}" y="14" font-weight="bold">${recipe}: accuracy, %, over ${option}</text><polyline points="${line}" fill="none" stroke="#0072b2"/>${bars.join("")}${ticks.join("")}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.max(1, sweeps.length) * width} ${height}" font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="white"/>${panels.join("")}</svg>\n`;
}

const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
