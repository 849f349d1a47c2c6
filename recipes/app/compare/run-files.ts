/**
 * `papo compare my-run.ts other-run.ts grpo`: run files, and presets on the first one's data, with several seeds and
 * measured by the same questions.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createHost, identityOf, lockFolder, makeFolder, textDigest, writeFileAtomic } from "@papo/core";
import { nameOfData } from "../../run-file/data-source.ts";
import type { LoadedRunFile } from "../../run-file/run-file.ts";
import { splitOptions, writtenRunFile } from "../../run-file/written-options.ts";
import { differences } from "../commands/diff.ts";
import type { Display } from "../display/display.ts";
import { planOf } from "../evaluation/plan.ts";
import { readRunFolder } from "../report/read-run.ts";
import { verdictOf } from "../report/verdict.ts";
import { writeReport } from "../report/write-report.ts";
import { readRecipe } from "../show/recipe.ts";
import { folderName } from "../sweep/grid.ts";
import { isFinished, trainMissing, type FileRun } from "./file-runs.ts";
import { summaryOf } from "./summary.ts";
import { writeTables } from "./write-tables.ts";

export interface FileVariant {
  /** As it was written: runs of equal label are seeds of one another. */
  readonly label: string;
  readonly runFile: string;
  readonly set: readonly string[];
}

export interface FileComparison {
  readonly variants: readonly FileVariant[];
  readonly seeds: number;
  /** Seeds are this one and those after it. */
  readonly firstSeed: number;
  readonly jobs: number;
  readonly baseline: string;
  /** Other models and training data are what is compared. */
  readonly unlike: boolean;
  readonly output: string;
  readonly display: Pick<Display, "line" | "result">;
  readonly signal: AbortSignal;
}

export const isRunFile = (word: string): boolean => writtenRunFile(word) !== null;

/**
 * What the words stand for: a run file with options behind it, or a preset in place of the first run file's plugins; of
 * a preset, names with "settings." or "plugins." before them are the run file's.
 * @param set "path=value" each, for all of them
 * @throws Error for options that are none, and for a word that stands there twice
 */
export function fileVariants(words: readonly string[], set: readonly string[]): FileVariant[] {
  const first = words.map(writtenRunFile).find((written) => written !== null)!;
  const variants = words.map((word): FileVariant => {
    const label = labelOf(word);
    const written = writtenRunFile(word);
    if (written !== null) return { label, runFile: resolve(written.file), set: [...set, ...written.set] };
    const at = word.indexOf(":");
    const options = at < 0 ? [] : splitOptions(word.slice(at + 1), word);
    const own = options.filter(([name]) => !/^(?:settings|plugins)\./.test(name)).map((pair) => pair.join("="));
    const others = options.filter(([name]) => /^(?:settings|plugins)\./.test(name)).map((pair) => pair.join("="));
    const name = at < 0 ? word : word.slice(0, at);
    // What is set in the first one's plugins is not of the preset's.
    const kept = first.set.filter((one) => !one.trimStart().startsWith("plugins"));
    return {
      label,
      runFile: resolve(first.file),
      set: [...set, ...kept, `plugins=${own.length === 0 ? name : `${name}:${own.join(",")}`}`, ...others],
    };
  });
  const labels = variants.map(({ label }) => label);
  const twice = labels.find((label, at) => labels.indexOf(label) !== at);
  if (twice !== undefined) throw new Error(`"${twice}" stands there twice`);
  return variants;
}

/** A colon before options, however they are written. */
export function labelOf(word: string): string {
  const written = writtenRunFile(word);
  return written === null || written.set.length === 0 ? word : `${written.file}:${written.set.join(",")}`;
}

export interface PlannedFileRun extends FileRun {
  readonly label: string;
}

/** Seed by seed, so that an interrupted comparison has every recipe. */
export const plannedFileRuns = ({
  variants,
  seeds,
  firstSeed,
  output,
}: Pick<FileComparison, "variants" | "seeds" | "firstSeed" | "output">): PlannedFileRun[] =>
  Array.from({ length: seeds }, (_, index) => firstSeed + index).flatMap((seed) =>
    variants.map(({ label, runFile, set }) => {
      const folder = join(output, "runs", folderName({ label, values: [], set: [runFile] }, seed));
      return {
        name: `${label}, seed ${seed}`,
        label,
        runFile,
        seed,
        set: [...set, `settings.seed=${seed}`],
        folder,
        finished: `${folder}.json`,
      };
    }),
  );

/**
 * That what the run files come to can be told apart by their recipes: one evaluation, and one start and one set of rows
 * unless they are what is compared.
 * @param read as many as the variants, in their order
 * @throws Error naming two that differ, and in what
 */
export function checkAlike(variants: readonly FileVariant[], read: readonly LoadedRunFile[], unlike: boolean): void {
  const lacking = variants.filter((_, at) => read[at]!.evaluation === undefined).map(({ label }) => label);
  if (lacking.length > 0)
    throw new Error(
      `${lacking.join(", ")} ${lacking.length === 1 ? "has" : "have"} no evaluation to be compared by: write evaluation: "unseen.jsonl" into the run file, or give --set evaluation=unseen.jsonl`,
    );
  const differing = (what: (run: LoadedRunFile) => string): readonly [string, string] | null => {
    const texts = read.map(what);
    const other = texts.findIndex((text) => text !== texts[0]);
    return other < 0 ? null : [`${variants[0]!.label}: ${texts[0]!}`, `${variants[other]!.label}: ${texts[other]!}`];
  };
  const told = (pair: readonly [string, string] | null, sentence: string): void => {
    if (pair !== null) throw new Error(`${sentence}\n${pair.map((line) => `  ${line}`).join("\n")}`);
  };
  told(
    differing(evaluationOf),
    "They are measured differently, so that their answers cannot be compared question by question; --set evaluation=… gives all of them the same:",
  );
  told(
    differing(judgeOf),
    "Their rewards differ, and rewards say which answers are right; a part named accuracy that all have in common decides alone (docs/evaluation.md):",
  );
  if (unlike) return;
  told(
    differing(({ data }) => textOf(data)),
    "They train on different data, so that a difference would not be their recipes'; --set data=… gives all of them the same, and --unlike compares them nevertheless:",
  );
  told(
    differing(({ model }) => model),
    "They begin with different models, so that a difference would not be their recipes'; --set model=… gives all of them the same, and --unlike compares them nevertheless:",
  );
}

/** What answers depend on besides the weights. */
function evaluationOf({ evaluation, settings }: LoadedRunFile): string {
  const { data, samples, temperature, conditions } = planOf(evaluation!);
  const how = [
    `${samples} answer${samples === 1 ? "" : "s"} each`,
    ...(temperature === undefined ? [] : [`temperature ${temperature}`]),
    ...conditions.filter((condition) => condition !== "real").map((condition) => `pictures ${condition}`),
  ];
  const longest = settings?.sampling?.maxNewTokens;
  return `${textOf(data)}, ${how.join(", ")}${longest === undefined ? "" : `, up to ${longest} tokens`}`;
}

/**
 * What says whether an answer is right: the scorer named accuracy, or else all of them; see `rewardJudge`. Functions by
 * their texts.
 */
function judgeOf({ plugins }: LoadedRunFile): string {
  const host = createHost(plugins, { seed: 1 });
  const names = host.scorers.has("accuracy") ? ["accuracy"] : [...host.scorers.keys()];
  const judges = plugins.filter((plugin) => host.scorersOf(identityOf(plugin)).some((name) => names.includes(name)));
  const seen = (_name: string, value: unknown): unknown => (typeof value === "function" ? digest(value) : value);
  const texts = judges.map(
    (plugin) => `${identityOf(plugin)} ${JSON.stringify("options" in plugin ? plugin.options : {}, seen)}`,
  );
  return texts.join(", ") || "no reward";
}

const digest = (value: unknown): string => `(function ${textDigest(String(value)).slice(0, 8)})`;

const textOf = (data: LoadedRunFile["data"]): string => (typeof data === "string" ? data : JSON.stringify(data));

/**
 * Train what is missing, then write the table. @throws Error naming the runs that failed, after all others have ended
 */
export async function compareRunFiles(comparison: FileComparison, read: readonly LoadedRunFile[]): Promise<void> {
  const { output, display, jobs, signal } = comparison;
  makeFolder(output);
  const lock = lockFolder(output);
  try {
    checkSame(comparison, read);
    for (const line of await differingLines(comparison)) display.line(line);
    const runs = plannedFileRuns(comparison);
    const failures = await trainMissing(runs, { limit: jobs, say: (line) => display.line(line), signal });
    if (runs.some(isFinished)) await writeFileTables(comparison, read);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    signal.throwIfAborted();
  } finally {
    lock.release();
  }
}

/** What is compared with what: a line for each variant, so that nothing else than what is meant differs. */
async function differingLines({ variants, baseline }: FileComparison): Promise<string[]> {
  const base = variants.find(({ label }) => label === baseline)!;
  const against = await readRecipe(base.runFile, base.set);
  return Promise.all(
    variants
      .filter((variant) => variant !== base)
      .map(async ({ label, runFile, set }) => {
        const found = differences(against, await readRecipe(runFile, set));
        const more =
          found.length > mostDifferences ? `; and ${found.length - mostDifferences} more, papo diff lists them` : "";
        return found.length === 0
          ? `${label} is the same as ${baseline}: what differs is luck`
          : `${label} against ${baseline}: ${found.slice(0, mostDifferences).join("; ")}${more}`;
      }),
  );
}

const mostDifferences = 5;

/** A folder is of one measure. @throws Error where its runs were measured otherwise */
function checkSame({ output }: FileComparison, read: readonly LoadedRunFile[]): void {
  const [file, asked] = [join(output, "comparison.json"), JSON.stringify({ evaluation: evaluationOf(read[0]!) })];
  const before = existsSync(file) ? readFileSync(file, "utf8").trim() : asked;
  if (before !== asked)
    throw new Error(`${output} holds runs of ${before}, and this comparison is of ${asked}: choose another --output`);
  writeFileAtomic(file, `${asked}\n`);
}

/** Of the runs that are done, also while others are under way. @throws Error where none is */
export async function writeFileTables(comparison: FileComparison, read: readonly LoadedRunFile[]): Promise<void> {
  const { output, baseline, display, variants } = comparison;
  const planned = plannedFileRuns(comparison);
  const runs = planned
    .filter(isFinished)
    .map(({ folder, name, label }) => readRunFolder(folder, { name, recipe: label }));
  if (runs.length === 0) throw new Error(`${output} holds no run of this comparison that is done`);
  const steps = new Set(read.map(({ settings }) => settings?.steps ?? null));
  const summary = summaryOf(runs, {
    task: nameOfData(planOf(read[0]!.evaluation!).data),
    strength: null,
    steps: steps.size === 1 ? [...steps][0]! : null,
  });
  const table = writeTables(output, runs, baseline, summary);
  const verdicts = variants
    .filter(({ label }) => label !== baseline && runs.some(({ recipe }) => recipe === label))
    .map(({ label }) => verdictOf({ recipe: label, baseline }, runs));
  const report = join(output, "report.html");
  await writeReport(report, { title: "Comparison", subtitle: `${runs.length} of ${planned.length} runs.`, runs });
  display.result([table, ...verdicts].join("\n"), { output, report });
}
