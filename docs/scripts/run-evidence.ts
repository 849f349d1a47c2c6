/**
 * The runs of docs/evidence.md: `node --import tsx docs/scripts/run-evidence.ts` makes those that are missing, in the
 * page's order, and `… gain-0.6 paths` only these. What is done is what stands in docs/evidence/, a line a run,
 * whatever part it was made for: so the runs go on in any clone. `papo compare` makes them, seed by seed, and goes on
 * where it was cut off; after each seed the page's tables are written anew. `--seeds 4`: the first four of each alone.
 * `--keep` makes none, and takes over those that a comparison under way has done.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeSummary, type ComparisonSummary, type RunSummary } from "../../recipes/app/compare/summary.ts";

export interface EvidencePart {
  readonly name: string;
  readonly prior: "suggestion" | "skew" | "caption";
  readonly strength: number;
  readonly recipes: readonly string[];
  /** What else the recipes are compared with, beside `grpo`. */
  readonly against?: string;
}

const [base, paid] = ["grpo", "papo:gamma=0.1"];
const changed = (...options: readonly string[]): string[] => options.map((option) => `${paid},${option}`);
const suggestion = (
  name: string,
  recipes: readonly string[],
  { strength = 0.6, ...rest }: Partial<Pick<EvidencePart, "strength" | "against">> = {},
): EvidencePart => ({ name, prior: "suggestion", strength, recipes, ...rest });
const gain = (strength: number): EvidencePart =>
  suggestion(`gain-${strength}`, [base, "papo:gamma=0.02", paid, "papo:gamma=0.2"], { strength });

/** Parts of one prior and strength share a folder, so that a run that two of them name is made once. */
export const evidenceParts: readonly EvidencePart[] = [
  gain(0.6),
  suggestion("paths", [
    base,
    paid,
    ...changed("mode=paper", "maskedGradient=kl", "maskedGradient=entropy", "reduction=sequence_mean"),
  ]),
  gain(0.4),
  gain(0.8),
  { name: "prior-skew", prior: "skew", strength: 0.6, recipes: [base, paid] },
  { name: "prior-caption", prior: "caption", strength: 0.6, recipes: [base, paid] },
  suggestion("entropies", [base, paid, ...changed("eta=0"), "papo:gamma=0"]),
  suggestion(
    "methods",
    [
      base,
      "dapo",
      "dapo-entropy",
      paid,
      "papo-d:gamma=0.1",
      "apo",
      "vppo",
      "vgpo",
      "pepo",
      "noisy-rollout",
      "pgpo",
      "dvrp",
      "tor",
      "vepo",
      "roma",
      "grpo-care",
      "vision-sr1",
      "visionary-r1-tiny",
    ],
    { against: "dapo" },
  ),
  suggestion("methods-later", [base, "vepo-exact", "kawhi", "cfpo", "va-opd", "freshper", "prco", "deepeyes"]),
  suggestion("collapse", [
    base,
    ...["gamma=0.5", "gamma=1", "mode=paper,gamma=0.5"].flatMap((options) => [
      `papo:${options}`,
      `papo:${options},eta=0`,
    ]),
  ]),
  suggestion(
    "masks",
    [
      base,
      paid,
      ...changed(
        "maskRatio=0.4",
        "maskRatio=0.8",
        "maskRatio=1",
        "maskOn=patches",
        "maskOn=merge",
        "maskOn=semantic",
        "maskScope=response",
      ),
    ],
    { against: paid },
  ),
];

export const firstSeed = 101;
const steps = 40;

const docs = fileURLToPath(new URL("..", import.meta.url));

/**
 * What a part has of runs that are done: its own, and those that other parts of its prior and strength have made. Null
 * where there are none.
 */
export function doneOf(
  { prior, strength, recipes }: EvidencePart,
  seeds: number,
  files: readonly ComparisonSummary[],
): ComparisonSummary | null {
  const alike = files.filter(
    (file) => file.task === `shortcut:${prior}` && file.strength === strength && file.steps === steps,
  );
  const [first] = alike;
  if (first === undefined) return null;
  const other = alike.find((file) => file.prior !== first.prior);
  if (other !== undefined)
    throw new Error(
      `two files of shortcut:${prior} at strength ${strength} are of other questions: they were not made by the same version`,
    );
  const all = alike.flatMap(({ runs }) => runs);
  const runs = seedsOf(seeds).flatMap((seed) =>
    recipes.flatMap((recipe): RunSummary[] =>
      all.filter((run) => run.recipe === recipe && run.seed === seed).slice(0, 1),
    ),
  );
  return { ...first, runs };
}

const seedsOf = (count: number): number[] => Array.from({ length: count }, (_, index) => firstSeed + index);

const fileOf = (name: string): string => join(docs, "evidence", `${name}.json`);

export const readEvidence = (name: string): ComparisonSummary | null =>
  existsSync(fileOf(name)) ? (JSON.parse(readFileSync(fileOf(name), "utf8")) as ComparisonSummary) : null;

/** Make what is missing of one seed, and take it over. */
function runSeed(
  part: EvidencePart,
  seed: number,
  { seeds, jobs, keep }: { readonly seeds: number; readonly jobs: string; readonly keep: boolean },
): void {
  const { name, prior, strength, recipes } = part;
  const known = evidenceParts.flatMap((other) => readEvidence(other.name) ?? []);
  const done = doneOf(part, seeds, known)?.runs ?? [];
  const missing = recipes.filter((recipe) => !done.some((run) => run.recipe === recipe && run.seed === seed));
  const output = join(docs, "..", "runs", "evidence", `${prior}-${strength}`);
  const words = [
    "--task",
    `shortcut:${prior}`,
    "--strength",
    String(strength),
    "--steps",
    String(steps),
    "--scenes",
    "500",
    "--seeds",
    "1",
    "--first-seed",
    String(seed),
    "--jobs",
    jobs,
    "--output",
    output,
  ];
  const made =
    missing.length > 0 &&
    run("recipes/papo.mjs", ["compare", ...missing, ...words, ...(keep ? ["--tables"] : [])], keep);
  const further = made ? [JSON.parse(readFileSync(join(output, "runs.json"), "utf8")) as ComparisonSummary] : [];
  const all = doneOf(part, seeds, [...known, ...further]);
  if (all !== null && all.runs.length > 0) writeSummary(fileOf(name), all);
}

/** @returns whether it ended well; where it need not, it may not. */
function run(script: string, words: readonly string[], mayFail = false): boolean {
  const { status } = spawnSync(
    process.execPath,
    ["--import", "tsx", fileURLToPath(new URL(`../../${script}`, import.meta.url)), ...words],
    { stdio: mayFail ? "ignore" : "inherit" },
  );
  if (status !== 0 && !mayFail) process.exit(status ?? 1);
  return status === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: {
      seeds: { type: "string", default: "8" },
      keep: { type: "boolean", default: false },
      jobs: { type: "string", default: String(availableParallelism()) },
    },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !evidenceParts.some((part) => part.name === name));
  if (unknown.length > 0)
    throw new Error(
      `there is no part ${unknown.join(", ")}; there are ${evidenceParts.map(({ name }) => name).join(", ")}`,
    );
  mkdirSync(join(docs, "evidence"), { recursive: true });
  const seeds = Number(values.seeds);
  for (const part of evidenceParts.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    for (const seed of seedsOf(seeds)) runSeed(part, seed, { seeds, jobs: values.jobs, keep: values.keep });
    run("docs/scripts/evidence-tables.ts", []);
  }
}
