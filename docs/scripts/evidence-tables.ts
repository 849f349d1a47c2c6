/**
 * The tables of docs/evidence.md, from the runs in short in docs/evidence/ (a comparison's runs.json each): `node
 * --import tsx docs/scripts/evidence-tables.ts` writes them there. Differences are paired by question; interval and p
 * cover questions and the seeds' luck.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ComparisonSummary, RunSummary } from "../../recipes/app/compare/summary.ts";
import { chanceOf, gainOf } from "../../recipes/app/compare/table.ts";
import { holm } from "../../recipes/app/evaluation/holm.ts";
import { luckOf, pairedDifference, type Difference } from "../../recipes/app/evaluation/paired.ts";
import { mean } from "../../recipes/app/evaluation/statistics.ts";
import { type OverSeeds, overSeedsFile } from "../../recipes/app/tasks/shortcut/over-seeds.ts";
import { type EvidencePart, evidenceParts, readEvidence } from "./run-evidence.ts";

const baseline = "grpo";
/** Whose difference from the baseline is the primary measure, in which parts (docs/scripts/run-evidence.ts). */
const primary = { recipe: "papo:gamma=0.1", parts: /^gain-/ };

/** A comparison under the name of its part. */
export type NamedSummary = ComparisonSummary & Pick<EvidencePart, "name" | "against">;

/** All questions, or those about which the prior is wrong or right. */
type Part = "all" | "w" | "r";

export interface Line {
  readonly recipe: string;
  readonly seeds: number;
  /** Mean shares of right answers, 0–1. */
  readonly all: number;
  readonly right: number;
  readonly wrong: number;
  /** Of each seed, where the prior is wrong. */
  readonly bySeed: readonly number[];
  /** Minus the baseline's where the prior is wrong, and over all questions; null for the baseline. */
  readonly gain: Difference | null;
  readonly overallGain: Difference | null;
  /** The mean over seeds of a seed's share minus the baseline's of the same seed, where the prior is wrong. */
  readonly seedGain: Difference | null;
}

/** @param against the recipe that the others are compared with */
export function linesOf({ prior, runs }: Pick<ComparisonSummary, "prior" | "runs">, against = baseline): Line[] {
  const base = runs.filter(({ recipe }) => recipe === against);
  return [...new Set(runs.map(({ recipe }) => recipe))].map((recipe) => {
    const own = runs.filter((run) => run.recipe === recipe);
    // A recipe that has not run with all seeds yet is compared over those that it has.
    const matched = base.filter(({ seed }) => own.some((run) => run.seed === seed));
    const bySeed = seedMeans(own, prior, "w");
    const less = (part: Part): Difference | null =>
      recipe === against || matched.length === 0
        ? null
        : difference(sharesOf(own, prior, part), sharesOf(matched, prior, part));
    return {
      recipe,
      seeds: own.length,
      all: mean(seedMeans(own, prior, "all")),
      right: mean(seedMeans(own, prior, "r")),
      wrong: mean(bySeed),
      bySeed,
      gain: less("w"),
      overallGain: less("all"),
      seedGain: recipe === against || matched.length === 0 ? null : seedDifference(own, matched, prior),
    };
  });
}

/** 1 or 0 for each question of the part, [seeds, questions]. */
const sharesOf = (runs: readonly RunSummary[], prior: string, part: Part): number[][] =>
  runs.map(({ right }) =>
    [...right].flatMap((letter, at) => (part === "all" || prior[at] === part ? [Number(letter)] : [])),
  );

const seedMeans = (runs: readonly RunSummary[], prior: string, part: Part): number[] =>
  sharesOf(runs, prior, part).map(mean);

function difference(mine: readonly (readonly number[])[], theirs: readonly (readonly number[])[]): Difference {
  const perQuestion = (shares: readonly (readonly number[])[]): number[] =>
    shares[0]!.map((_, at) => mean(shares.map((own) => own[at]!)));
  return pairedDifference(perQuestion(mine), perQuestion(theirs), undefined, [luckOf(mine), luckOf(theirs)]);
}

/** A seed decides the order of the rows and what is drawn, of both sides alike. */
function seedDifference(own: readonly RunSummary[], base: readonly RunSummary[], prior: string): Difference {
  const both = own.flatMap((run) => base.filter(({ seed }) => seed === run.seed).map((other) => [run, other] as const));
  const [mine, theirs] = [0, 1].map((side) =>
    seedMeans(
      both.map((pair) => pair[side]!),
      prior,
      "w",
    ),
  );
  return pairedDifference(mine!, theirs!);
}

const percent = (share: number): string => (100 * share).toFixed(1);

export function tableOf(lines: readonly Line[]): string {
  const adjusted = holm(lines.map(({ gain }) => gain?.p ?? null));
  const row = (
    { recipe, seeds, all, right, wrong, gain, overallGain, seedGain, bySeed }: Line,
    at: number,
  ): string[] => [
    recipe,
    String(seeds),
    percent(all),
    percent(right),
    percent(wrong),
    gainOf(gain),
    chanceOf(gain?.p ?? null),
    chanceOf(adjusted[at] ?? null),
    gainOf(overallGain),
    seedGain === null ? "–" : `${gainOf(seedGain)}, p ${chanceOf(seedGain.p)}`,
    bySeed.map((value) => (100 * value).toFixed(0)).join(" "),
  ];
  return markdown(
    [
      "recipe",
      "seeds",
      "right, %",
      "prior right, %",
      "prior wrong, %",
      `minus ${baseline} there, points`,
      "p",
      "p (Holm)",
      `minus ${baseline}, all`,
      "there, by seed",
      "prior wrong, % by seed",
    ],
    lines.map(row),
  );
}

/** The differences alone, from another recipe. */
export function differencesOf(lines: readonly Line[], against: string): string {
  const others = lines.filter(({ recipe }) => recipe !== against && recipe !== baseline);
  const adjusted = holm(others.map(({ gain }) => gain?.p ?? null));
  return markdown(
    ["recipe", `minus ${against}, prior wrong`, "p", "p (Holm)", "all questions", "prior wrong, by seed"],
    others.map(({ recipe, gain, overallGain, seedGain }, at) => [
      recipe,
      gainOf(gain),
      chanceOf(gain?.p ?? null),
      chanceOf(adjusted[at] ?? null),
      gainOf(overallGain),
      seedGain === null ? "–" : `${gainOf(seedGain)}, p ${chanceOf(seedGain.p)}`,
    ]),
  );
}

const markdown = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** What says which gradient acts; means over seeds, of the first to the last quarter of the steps. */
const shown: readonly (readonly [name: string, metric: string])[] = [
  ["KL of the picture's mask, nats", "observe/perception_kl"],
  ["−log π_mask, nats", "observe/masked_entropy"],
  ["−log π, nats", "rollout/entropy"],
  ["tokens that masking raises", "papo/masking_raises"],
  ["gradient norm of γ·KL", "ledger/papo/perception_kl/norm"],
  ["its cosine with the objective", "ledger/papo/perception_kl/cosine"],
  ["follows the prior", "shortcut/followed"],
  ["right where it is wrong", "shortcut/accuracy_prior_wrong"],
];

export function metricsOf({ runs }: Pick<ComparisonSummary, "runs">): string {
  const cell = (recipe: string, metric: string): string => {
    const own = runs.flatMap((run) =>
      run.recipe === recipe && run.metrics[metric] !== undefined ? [run.metrics[metric]] : [],
    );
    return own.length === 0
      ? "–"
      : [0, 1, 2, 3].map((quarter) => Number(mean(own.map((values) => values[quarter]!)).toPrecision(2))).join(" ");
  };
  return markdown(
    ["recipe", ...shown.map(([name]) => name)],
    [...new Set(runs.map(({ recipe }) => recipe))].map((recipe) => [
      recipe,
      ...shown.map(([, metric]) => cell(recipe, metric)),
    ]),
  );
}

/** All tables, in the order given. */
export function evidenceTables(comparisons: readonly NamedSummary[]): string {
  const all = comparisons.map((comparison) => ({ ...comparison, lines: linesOf(comparison) }));
  const primaries = all.flatMap(({ name, strength, lines }) =>
    primary.parts.test(name)
      ? lines.filter(({ recipe }) => recipe === primary.recipe).map((line) => ({ strength, line }))
      : [],
  );
  const adjusted = holm(primaries.map(({ line }) => line.gain?.p ?? null));
  return [
    `The primary measure, \`${primary.recipe}\` minus \`${baseline}\` where the prior is wrong, corrected over the strengths that ran:`,
    markdown(
      ["strength", "seeds", "points", "p", "p (Holm)"],
      primaries.map(({ strength, line: { seeds, gain } }, at) => [
        String(strength),
        String(seeds),
        gainOf(gain),
        chanceOf(gain?.p ?? null),
        chanceOf(adjusted[at] ?? null),
      ]),
    ),
    ...all.flatMap(({ name, task, strength, steps, prior, runs, lines, against }) => [
      `### ${name}: \`${task}\`, strength ${strength}, ${steps} steps`,
      tableOf(lines),
      ...(against === undefined
        ? []
        : [`The same against \`${against}\`:`, differencesOf(linesOf({ prior, runs }, against), against)]),
      "By quarters of the steps, means over seeds:",
      metricsOf({ runs }),
    ]),
  ].join("\n\n");
}

/** What has run, under the names of its parts. */
export const namedEvidence = (): NamedSummary[] =>
  evidenceParts.flatMap(({ name, against }) => {
    const summary = readEvidence(name);
    return summary === null ? [] : [{ name, ...(against === undefined ? {} : { against }), ...summary }];
  });

/** What the parts that vary strength and γ came to, of recipes that have all their seeds, for `npm start` to quote. */
export function overSeeds(comparisons: readonly NamedSummary[], seeds: number): OverSeeds[] {
  return comparisons
    .filter(({ name }) => primary.parts.test(name))
    .flatMap(({ task, strength, steps, prior, runs }) => {
      const lines = linesOf({ prior, runs });
      const adjusted = holm(lines.map(({ gain }) => gain?.p ?? null));
      const base = lines.find(({ recipe }) => recipe === baseline);
      const questions = [...prior].filter((letter) => letter === "w").length;
      return lines.flatMap((own, at): OverSeeds[] => {
        const { recipe, gain, seedGain } = own;
        if (own.seeds !== seeds || base?.seeds !== seeds || gain === null || seedGain === null) return [];
        const wrong = { recipe: own.wrong, baseline: base.wrong };
        const about = { task, strength, steps, recipe, baseline, seeds, questions, wrong };
        return [{ ...about, gain, corrected: adjusted[at]!, seedGain }];
      });
    });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = new URL("../evidence.md", import.meta.url);
  const comparisons = namedEvidence();
  const tables = evidenceTables(comparisons);
  const marks = /(<!-- tables: [^>]*-->\n)[^]*(<!-- \/tables -->)/;
  const text = readFileSync(page, "utf8");
  if (!marks.test(text)) throw new Error("docs/evidence.md has no place for the tables");
  writeFileSync(
    overSeedsFile,
    `[\n${overSeeds(comparisons, 8)
      .map((one) => JSON.stringify(one))
      .join(",\n")}\n]\n`,
  );
  writeFileSync(
    page,
    text.replace(marks, (_, open: string, close: string) => `${open}\n${tables}\n\n${close}`),
  );
}
