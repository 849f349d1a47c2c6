/**
 * The tables of docs/evidence.md, from the runs in short that stand in docs/evidence/: `node --import tsx docs/evidence-tables.ts`. Differences are paired by question; the interval
 * and p cover the seeds' luck.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { ComparisonSummary, RunSummary } from "../recipes/app/compare/summary.ts";
import { gainOf, interval } from "../recipes/app/compare/table.ts";
import { holm } from "../recipes/app/evaluation/holm.ts";
import { luckOf, pairedDifference, type Difference } from "../recipes/app/evaluation/paired.ts";
import { mean } from "../recipes/app/evaluation/statistics.ts";

const folder = new URL("evidence/", import.meta.url);
const baseline = "grpo";
/** Of the primary measure. */
const primary = { recipe: "papo:gamma=0.1", task: "shortcut:suggestion" };

type Part = "all" | "w" | "r";

const comparisons = readdirSync(folder).filter((name) => name.endsWith(".json")).sort()
  .map((name) => ({ name, ...(JSON.parse(readFileSync(new URL(name, folder), "utf8")) as ComparisonSummary) }));

/** Right or not, [seeds, questions of the part]. */
const sharesOf = (runs: readonly RunSummary[], prior: string, part: Part): number[][] =>
  runs.map(({ right }) => [...right].flatMap((letter, at) => (part === "all" || prior[at] === part ? [Number(letter)] : [])));

const perQuestion = (shares: readonly (readonly number[])[]): number[] => shares[0]!.map((_, at) => mean(shares.map((own) => own[at]!)));

function difference(mine: readonly (readonly number[])[], theirs: readonly (readonly number[])[] | null): Difference {
  const questions = perQuestion(mine);
  return pairedDifference(questions, theirs === null ? questions.map(() => 0) : perQuestion(theirs), undefined, [luckOf(mine), theirs === null ? null : luckOf(theirs)]);
}

interface Line {
  readonly recipe: string;
  readonly seeds: readonly number[];
  readonly all: Difference;
  readonly wrong: Difference;
  readonly right: Difference;
  /** Minus the baseline's where the prior is wrong, over the seeds that both have. */
  readonly gain: Difference | null;
  readonly overallGain: Difference | null;
  readonly bySeed: readonly number[];
}

function linesOf({ prior, runs }: ComparisonSummary): Line[] {
  return [...new Set(runs.map(({ recipe }) => recipe))].map((recipe) => {
    const own = runs.filter((run) => run.recipe === recipe);
    const base = runs.filter((run) => run.recipe === baseline);
    const [mine, theirs] = [own, base].map((side) => (part: Part) => sharesOf(side, prior, part)) as [(part: Part) => number[][], (part: Part) => number[][]];
    const compared = recipe !== baseline && base.length > 0;
    return {
      recipe, seeds: own.map(({ seed }) => seed),
      all: difference(mine("all"), null), wrong: difference(mine("w"), null), right: difference(mine("r"), null),
      gain: compared ? difference(mine("w"), theirs("w")) : null, overallGain: compared ? difference(mine("all"), theirs("all")) : null,
      bySeed: mine("w").map((shares) => 100 * mean(shares)),
    };
  });
}

const chance = (p: number | null): string => (p === null ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));

function tableOf(lines: readonly Line[]): string {
  const adjusted = holm(lines.map(({ gain }) => gain?.p ?? null));
  return [
    `| recipe | seeds | right, % | prior right, % | prior wrong, % | minus ${baseline} there, points | p | p (Holm) | minus ${baseline}, all | prior wrong by seed |`,
    "|---|---|---|---|---|---|---|---|---|---|",
    ...lines.map(({ recipe, seeds, all, right, wrong, gain, overallGain, bySeed }, at) =>
      `| ${[recipe, seeds.length, interval(all), interval(right), interval(wrong), gainOf(gain), chance(gain?.p ?? null), chance(adjusted[at] ?? null), gainOf(overallGain), bySeed.map((value) => value.toFixed(0)).join(" ")].join(" | ")} |`),
  ].join("\n");
}

/** What of a run's metrics says which gradient acts, mean over seeds by quarters of the steps. */
const shown: readonly (readonly [name: string, metric: string])[] = [
  ["KL_prcp", "papo/perception_kl"], ["masking raises", "papo/masking_raises"], ["norm, KL term", "ledger/papo/perception_kl/norm"], ["cosine, KL term", "ledger/papo/perception_kl/cosine"],
  ["norm, policy", "ledger/policy/norm"], ["H", "papo/entropy"], ["H masked", "papo/entropy_masked"], ["probe KL", "observe/perception_kl"], ["follows the prior", "shortcut/followed"], ["right where wrong", "shortcut/accuracy_prior_wrong"],
];

function metricsOf({ runs }: ComparisonSummary): string {
  const recipes = [...new Set(runs.map(({ recipe }) => recipe))];
  const cell = (recipe: string, metric: string): string => {
    const own = runs.flatMap((run) => (run.recipe === recipe ? (run.metrics[metric] === undefined ? [] : [run.metrics[metric]]) : []));
    return own.length === 0 ? "–" : [0, 1, 2, 3].map((quarter) => Number(mean(own.map((values) => values[quarter]!)).toPrecision(2))).join(" ");
  };
  return [`| recipe | ${shown.map(([name]) => name).join(" | ")} |`, `|---|${shown.map(() => "---|").join("")}`, ...recipes.map((recipe) => `| ${recipe} | ${shown.map(([, metric]) => cell(recipe, metric)).join(" | ")} |`)].join("\n");
}

const write = (text: string): void => void process.stdout.write(`${text}\n\n`);

const all = comparisons.map((comparison) => ({ ...comparison, lines: linesOf(comparison) }));
const primaries = all.flatMap(({ task, strength, lines }) => (task === primary.task ? lines.filter(({ recipe }) => recipe === primary.recipe).map((line) => ({ strength, line })) : []));
const adjusted = holm(primaries.map(({ line }) => line.gain?.p ?? null));
write("Primary: where the prior is wrong, papo:gamma=0.1 minus grpo, corrected over the strengths.");
for (const [at, { strength, line }] of primaries.entries()) write(`strength ${strength}, ${line.seeds.length} seeds: ${gainOf(line.gain)} points, p ${chance(line.gain?.p ?? null)}, Holm ${chance(adjusted[at] ?? null)}`);
for (const { name, task, strength, steps, lines, ...comparison } of all) {
  write(`## ${name}: ${task}, strength ${strength}, ${steps} steps`);
  write(tableOf(lines));
  write(metricsOf({ task, strength, steps, ...comparison }));
}
