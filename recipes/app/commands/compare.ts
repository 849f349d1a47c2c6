/**
 * `papo compare`: many recipes on the embedded task, or run files on their own data, with several seeds, as one table.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { lockFolder, makeFolder, writeFileAtomic } from "@papo/core";
import { command, UsageError } from "../command-line/command.ts";
import type { GivenOptions, Options } from "../command-line/options.ts";
import { setOption } from "../command-line/run-file-options.ts";
import { beforeEnd, commandWith, hold, unlessStopped } from "../stopping.ts";
import { sayStopping } from "../session.ts";
import type { Display } from "../display/display.ts";
import { runSideBySide } from "../compare/side-by-side.ts";
import { checkRuns } from "../compare/file-runs.ts";
import {
  checkAlike,
  compareRunFiles,
  fileVariants,
  isRunFile,
  labelOf,
  plannedFileRuns,
  writeFileTables,
  type FileComparison,
} from "../compare/run-files.ts";
import { summaryOf } from "../compare/summary.ts";
import { writeTables } from "../compare/write-tables.ts";
import { isDone, parseVariant, promptsOf, type Variant } from "../compare/variant.ts";
import type { Job } from "../compare/run-variant.ts";
import { tinyPresetNames } from "../../presets/index.ts";
import { readRunFolder } from "../report/read-run.ts";
import { stepsText, taskOf, taskOptions, type Task } from "../tasks/task.ts";

const options = {
  ...taskOptions("shapes"),
  seeds: { kind: "count", default: 3, text: "How often each is trained." },
  "first-seed": { kind: "count", default: 1, text: "The first of the seeds; the others follow it." },
  steps: { kind: "count", text: `${stepsText} Of run files their own.` },
  scenes: { kind: "count", default: 1000, text: "Unseen scenes to measure on." },
  jobs: { kind: "count", text: "Runs side by side; without it as many as there are cores, and one of run files." },
  baseline: {
    kind: "text",
    value: "<recipe>",
    text: "What the others are compared with; without it grpo or the first, of run files the first.",
  },
  set: { ...setOption.set, text: `Of run files, for all of them. ${setOption.set.text}` },
  unlike: { kind: "flag", text: "Compare run files also where they train on other data or begin with other models." },
  tables: {
    kind: "flag",
    text: "Train nothing: write the tables of the runs that are done, also while others are under way.",
  },
  output: { kind: "text", value: "<folder>", default: "runs/compare", text: "Where runs and tables go." },
} as const satisfies Options;

export const compare = command({
  name: "compare",
  forms: [
    "[grpo papo papo:gamma=0.04,mode=paper …]",
    "<run.ts> [other.ts run.ts:plugins.PerceptionKlPlugin.coefficient=0.02 grpo …]",
  ],
  summary: [
    "Train recipes on an embedded task with several seeds under one budget, measure them on the same unseen scenes, and rank them.",
    `Recipes: ${tinyPresetNames.join(", ")}; default all. Options of PAPO's recipes (perception.cap=1 leads into one) and settings of the run (settings.executor=tensorflow) follow a colon; an option with three numbers is drawn as a curve.`,
    "Run files are trained on their own data and measured by their own evaluation, which all must have in common; options follow a colon, as --set has them. A preset beside them is any of papo show's, in place of the first run file's plugins: model, data, rewards, settings and evaluation stay.",
    "Each run is a process, on the embedded tasks with one thread. Started again, it goes on with the runs that are missing, and with those of run files from their checkpoints.",
    "Writes <output>/table.md, results.json, sweeps.svg, runs.json (each run's right answers and metrics in short) and a folder per run; of run files report.html too.",
  ],
  options,
  positionals: [0, Infinity],
  async run({ values, positionals, display }) {
    if (positionals.some(isRunFile)) return compareFiles(positionals, values, display);
    if (values.set.length > 0 || values.unlike)
      throw new UsageError([
        `--${values.unlike ? "unlike" : "set"} is for run files, and none is given; options of a recipe follow a colon: papo:gamma=0.04`,
      ]);
    const task = taskOf(values);
    const variants = (positionals.length > 0 ? positionals : tinyPresetNames).map(parseVariant);
    const comparison: Comparison = {
      variants,
      task,
      seeds: values.seeds,
      firstSeed: values["first-seed"],
      steps: values.steps ?? task.steps,
      scenes: values.scenes,
      jobs: values.jobs ?? availableParallelism(),
      baseline: values.baseline ?? (variants.find(({ label }) => label === "grpo") ?? variants[0])!.label,
      output: resolve(values.output),
      display,
    };
    if (values.tables) tellTables(comparison);
    else await runComparison(comparison);
  },
});

type Given = GivenOptions<typeof options>;

/** Run files, and presets on the data of the first of them. */
async function compareFiles(words: readonly string[], values: Given, display: Display): Promise<number | void> {
  const mistakes = ofTasks
    .filter((name) => values[name] !== undefined && values[name] !== defaultOf(name))
    .map((name) => `--${name} is of the embedded tasks: a run file says what it is trained on and measured by`);
  if (mistakes.length > 0) throw new UsageError(mistakes);
  const set = [...values.set, ...(values.steps === undefined ? [] : [`settings.steps=${values.steps}`])];
  const variants = fileVariants(words, set);
  if (variants.some((variant) => variant.set.some((one) => /^\s*settings\.seed\s*=/.test(one))))
    throw new UsageError(["settings.seed is the comparison's own: --seeds says how many, --first-seed which"]);
  const baseline = values.baseline === undefined ? variants[0]!.label : labelOf(values.baseline);
  if (!variants.some(({ label }) => label === baseline))
    throw new UsageError([
      `--baseline ${values.baseline}: name one of ${variants.map(({ label }) => label).join(", ")}`,
    ]);
  const stop = hold({ say: sayStopping(display) });
  try {
    const asked: FileComparison = {
      variants,
      baseline,
      seeds: values.seeds,
      firstSeed: values["first-seed"],
      jobs: values.jobs ?? 1,
      unlike: values.unlike,
      output: resolve(values.output),
      display,
      signal: stop.signal,
    };
    const runs = plannedFileRuns(asked);
    const read = (await checkRuns(runs)).slice(0, variants.length);
    checkAlike(variants, read, asked.unlike);
    if (values.tables) return await writeFileTables(asked, read);
    return await unlessStopped(
      () => compareRunFiles(asked, read),
      () => display.line(`go on with: ${commandWith([])}`),
    );
  } finally {
    stop.release();
  }
}

/** Options that mean nothing to run files. */
const ofTasks = ["task", "strength", "scenes"] as const satisfies readonly (keyof Given)[];
const defaultOf = (name: (typeof ofTasks)[number]): unknown =>
  (options[name] as { readonly default?: unknown }).default;

export interface Comparison {
  readonly variants: readonly Variant[];
  readonly task: Task;
  readonly seeds: number;
  /** Seeds are this one and those after it. */
  readonly firstSeed: number;
  /** Null: each recipe's own. */
  readonly steps: number | null;
  readonly scenes: number;
  readonly jobs: number;
  readonly baseline: string;
  readonly output: string;
  readonly display: Pick<Display, "line" | "result">;
}

/** Run what is missing, then write the table. @throws Error naming the runs that failed, after all others have ended */
export async function runComparison(comparison: Comparison): Promise<void> {
  makeFolder(comparison.output);
  const lock = lockFolder(comparison.output);
  try {
    await runLocked(comparison);
  } finally {
    lock.release();
  }
}

async function runLocked(comparison: Comparison): Promise<void> {
  const { display, jobs } = comparison;
  const say = (line: string): void => display.line(line);
  checkSame(comparison);
  const data = await drawScenes(comparison);
  const all = plannedRuns(comparison);
  const missing = all.filter(({ folder }) => !isDone(folder));
  say(`${all.length} runs, ${all.length - missing.length} of them done already; ${jobs} at a time`);
  const failures = await inParallel(
    missing.map((run) => jobOf(run, data, comparison)),
    jobs,
    say,
  );
  if (all.some(({ folder }) => isDone(folder))) tellTables(comparison);
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${missing.length} runs failed:\n${failures.join("\n")}`);
}

type PlannedRun = Pick<Job, "variant" | "seed" | "folder">;

/** Seed by seed, so that an interrupted comparison has every recipe. */
const plannedRuns = ({ variants, seeds, firstSeed, output }: Comparison): PlannedRun[] =>
  Array.from({ length: seeds }, (_, index) => firstSeed + index).flatMap((seed) =>
    variants.map((variant) => ({
      variant,
      seed,
      folder: join(output, "runs", `${variant.label.replace(/[^\w.-]+/g, "-")}-${seed}`),
    })),
  );

/** Of the runs that are done, also while others are under way. @throws Error where none is */
export function tellTables(comparison: Comparison): void {
  const { output, display } = comparison;
  const runs = plannedRuns(comparison)
    .filter(({ folder }) => isDone(folder))
    .map(({ folder, variant, seed }) =>
      readRunFolder(folder, { name: `${variant.label}, seed ${seed}`, recipe: variant.label }),
    );
  if (runs.length === 0) throw new Error(`${output} holds no run of this comparison that is done`);
  display.result(writeTables(output, runs, comparison.baseline, summaryOf(runs, aboutOf(comparison))), { output });
}

/** What runs must have in common to stand in one table. */
const aboutOf = ({ task: { name, strength }, steps }: Comparison) => ({ task: name, strength, steps });

/**
 * A folder is of one comparison: runs that are done are not done anew. @throws Error where they were made under another
 * task or budget
 */
function checkSame(comparison: Comparison): void {
  const [file, asked] = [
    join(comparison.output, "comparison.json"),
    JSON.stringify({ ...aboutOf(comparison), scenes: comparison.scenes }),
  ];
  const before = existsSync(file) ? readFileSync(file, "utf8").trim() : asked;
  if (before !== asked)
    throw new Error(
      `${comparison.output} holds runs of ${before}, and this comparison is of ${asked}: choose another --output`,
    );
  writeFileAtomic(file, `${asked}\n`);
}

interface Scenes {
  /** The model that all begin with. */
  readonly model: string;
  readonly train: string;
  readonly unseen: string;
}

/**
 * The same scenes for all, those of an earlier call where they are as many: enough for the longest run, and unseen
 * ones.
 */
async function drawScenes({ variants, task, steps, scenes, output, display }: Comparison): Promise<Scenes> {
  const draw = async (split: "train" | "test", count: number): Promise<string> => {
    const folder = join(output, "data", split);
    const kept = join(folder, "rows.jsonl");
    return existsSync(kept) && readFileSync(kept, "utf8").split("\n").length === count + 1
      ? kept
      : task.writeRows(folder, { split, seed: 2, count });
  };
  const model = await task.startModel(join(output, "data", "start-model"), (done, all) =>
    done === 1 ? display.line(`making the model to begin with: ${all} supervised steps`) : undefined,
  );
  return { model, train: await draw("train", promptsOf(variants, steps)), unseen: await draw("test", scenes) };
}

const jobOf = (run: PlannedRun, { model, train, unseen }: Scenes, { task: { strength }, steps }: Comparison): Job => ({
  ...run,
  steps,
  task: { strength },
  model,
  train,
  unseen,
});

/** Run jobs side by side; the failures' messages. An interrupt ends the children with this process. */
async function inParallel(jobs: readonly Job[], limit: number, say: (line: string) => void): Promise<string[]> {
  const children = new Set<ChildProcess>();
  const forget = beforeEnd(() => {
    for (const child of children) child.kill();
    say(`stopped; the runs that are missing: ${commandWith([])}`);
  });
  const script = fileURLToPath(new URL("../compare/run-variant.ts", import.meta.url));
  const runs = jobs.map((job) => ({
    name: `${job.variant.label}, seed ${job.seed}`,
    script,
    words: [JSON.stringify(job)],
    // What an interrupted run left is cleared first.
    before: () => rmSync(job.folder, { recursive: true, force: true }),
  }));
  const failures = await runSideBySide(runs, { limit, say, children });
  forget();
  return failures;
}
