/**
 * Curves of a demo's runs as an SVG and its results as a table: `node --import tsx docs/scripts/draw-curves.ts
 * runs/seeds docs/curves.svg`. One panel per metric; a line is the mean over a recipe's seeds (of 9 steps around), its
 * band their lowest and highest.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bandOf, byRecipe } from "../../recipes/app/report/curves.ts";
import { readRunFolder } from "../../recipes/app/report/read-run.ts";
import type { Evaluation, RunRecord } from "../../recipes/app/report/run-record.ts";
import { differenceOf } from "../../recipes/app/report/verdict.ts";

const panels = [
  { metric: "reward/part/accuracy", title: "accuracy of the samples trained on" },
  { metric: "observe/perception_kl", title: "KL_prcp, nats per token" },
  { metric: "rollout/length", title: "response length, tokens" },
];
const colours = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"];
const [width, height, margin] = [330, 220, 34] as const;

/** "papo-grpo-official-2" → "papo(grpo), official": the folder's name without its seed, as the demo labels it. */
function recipeOf(folder: string): string {
  const name = folder.replace(/-\d+$/, "");
  return name.replace(/^papo-(grpo|dapo)/, "papo($1)").replace(/\)-/, "), ");
}

/** The mean of up to 9 neighbours. */
const smooth = (values: readonly number[]): number[] =>
  values.map((_, i) => {
    const near = values.slice(Math.max(0, i - 4), i + 5);
    return near.reduce((a, b) => a + b, 0) / near.length;
  });

function panel(recipes: ReadonlyMap<string, RunRecord[]>, metric: string, title: string, left: number): string {
  const bands = [...recipes.values()].map((runs) => {
    const { steps, mean, low, high } = bandOf(
      runs.map((run) => ({ steps: smoothed(run, metric) })),
      metric,
    );
    return { steps, mean, low, high };
  });
  const all = bands.flatMap(({ low, high }) => [...low, ...high]);
  const [bottom, top] = [Math.min(...all), Math.max(...all)];
  const last = Math.max(...bands.flatMap(({ steps }) => steps));
  const x = (step: number): string => (left + margin + ((step - 1) / (last - 1)) * (width - margin - 10)).toFixed(1);
  const y = (value: number): string => (24 + (1 - (value - bottom) / (top - bottom)) * (height - 50)).toFixed(1);
  const line = (steps: readonly number[], values: readonly number[]): string[] =>
    steps.map((step, i) => `${x(step)},${y(values[i] ?? 0)}`);
  const drawn = bands.map(({ steps, mean, low, high }, i) => {
    const colour = colours[i % colours.length] ?? "black";
    const outline = [...line(steps, high), ...line(steps, low).reverse()].join(" ");
    return `<polygon points="${outline}" fill="${colour}" opacity="0.12"/><polyline points="${line(steps, mean).join(" ")}" fill="none" stroke="${colour}" stroke-width="1.6"/>`;
  });
  const ticks = [bottom, (bottom + top) / 2, top].map(
    (value) =>
      `<text x="${left + margin - 4}" y="${Number(y(value)) + 3}" text-anchor="end">${value.toPrecision(2)}</text>`,
  );
  const steps = [1, last].map((step) => `<text x="${x(step)}" y="${height - 10}" text-anchor="middle">${step}</text>`);
  return `<text x="${left + margin}" y="14" font-weight="bold">${title}</text>${drawn.join("")}${ticks.join("")}${steps.join("")}`;
}

const smoothed = (run: RunRecord, metric: string): RunRecord["steps"] => {
  const known = run.steps.filter(({ metrics }) => metrics[metric] !== undefined);
  return smooth(known.map(({ metrics }) => metrics[metric] ?? 0)).map((value, i) => ({
    step: known[i]?.step ?? 0,
    metrics: { [metric]: value },
  }));
};

function drawing(recipes: ReadonlyMap<string, RunRecord[]>): string {
  const legend = [...recipes.keys()].map(
    (name, i) =>
      `<rect x="${10 + i * 165}" y="${height + 4}" width="14" height="4" fill="${colours[i % colours.length]}"/><text x="${28 + i * 165}" y="${height + 10}">${name}</text>`,
  );
  const plots = panels.map(({ metric, title }, i) => panel(recipes, metric, title, i * width));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${panels.length * width} ${height + 20}" font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="white"/>${plots.join("")}${legend.join("")}</svg>\n`;
}

/** A Markdown table: means over seeds, their range in brackets. */
function table(recipes: ReadonlyMap<string, RunRecord[]>): string {
  const cell = (
    runs: readonly RunRecord[],
    when: "before" | "after",
    read: (evaluation: Evaluation) => number,
    scale = 100,
  ): string => {
    const values = runs.flatMap((run) => (run[when] ? [scale * read(run[when])] : []));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const digits = scale === 1 ? 2 : 1;
    const range =
      values.length > 1 && when === "after"
        ? ` [${Math.min(...values).toFixed(digits)}, ${Math.max(...values).toFixed(digits)}]`
        : "";
    return mean.toFixed(digits) + range;
  };
  const row = (name: string, runs: readonly RunRecord[], when: "before" | "after"): string =>
    `| ${name} | ${[
      cell(runs, when, ({ accuracy }) => accuracy.overall.accuracy),
      cell(runs, when, ({ accuracy }) => accuracy.visionDependent?.accuracy ?? 0),
      cell(runs, when, ({ sampled }) => sampled?.overall.accuracy ?? 0),
      cell(runs, when, ({ errors }) => errors["perception"] ?? 0),
      cell(runs, when, ({ klPrcp }) => klPrcp ?? 0, 1),
    ].join(" | ")} |`;
  const first = [...recipes.values()][0] ?? [];
  return [
    "| | greedy, % | picture needed, % | T = 1, % | perception errors, % | KL_prcp |",
    "|---|---|---|---|---|---|",
    row("start", first.slice(0, 1), "before"),
    ...[...recipes].map(([name, runs]) => row(name, runs, "after")),
  ].join("\n");
}

const [folder = "runs/demo", file = "docs/curves.svg"] = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((name) => /-\d+$/.test(name))
  .sort();
const recipes = byRecipe(names.map((name) => readRunFolder(join(folder, name), { name, recipe: recipeOf(name) })));
writeFileSync(file, drawing(recipes));
console.log(table(recipes));
for (const [name, runs] of recipes) {
  const base = recipes.get(/\((\w+)\)/.exec(name)?.[1] ?? "");
  const difference = base ? differenceOf(runs, base, "overall") : null;
  if (difference)
    console.log(
      `${name} − its base: ${(100 * difference.value).toFixed(1)} points [${(100 * difference.low).toFixed(1)}, ${(100 * difference.high).toFixed(1)}]`,
    );
}
