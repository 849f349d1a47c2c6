/** `papo compare`: many recipes on the embedded task under one budget, as one table. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { lockFolder, makeFolder } from "@papo/core";
import { command } from "../command-line/command.ts";
import { beforeEnd, commandWith } from "../stopping.ts";
import type { Display } from "../display/display.ts";
import { runSideBySide } from "../compare/side-by-side.ts";
import { summaryOf, writeSummary } from "../compare/summary.ts";
import { drawSweeps, linesOf, sweepsOf, tableOf } from "../compare/table.ts";
import { isDone, parseVariant, promptsOf, type Variant } from "../compare/variant.ts";
import type { Job } from "../compare/run-variant.ts";
import { tinyPresetNames } from "../../presets/index.ts";
import { readRunFolder } from "../report/read-run.ts";
import { stepsText, taskOf, taskOptions, type Task } from "../tasks/task.ts";

export const compare = command({
  name: "compare",
  forms: ["[grpo papo papo:gamma=0.04,mode=paper …]"],
  summary: [
    "Train recipes on an embedded task with several seeds under one budget, measure them on the same unseen scenes, and rank them.",
    `Recipes: ${tinyPresetNames.join(", ")}; default all. Options of PAPO's recipes (perception.cap=1 leads into one) and settings of the run (settings.executor=tensorflow) follow a colon; an option with three numbers is drawn as a curve.`,
    "Each run is a process with one thread. Started again, it goes on with the runs that are missing.",
    "Writes <output>/table.md, results.json, sweeps.svg, runs.json (each run's right answers and metrics in short) and a folder per run.",
  ],
  options: {
    ...taskOptions("shapes"),
    seeds: { kind: "count", default: 3, text: "How often each is trained." },
    "first-seed": { kind: "count", default: 1, text: "The first of the seeds; the others follow it." },
    steps: { kind: "count", text: stepsText },
    scenes: { kind: "count", default: 1000, text: "Unseen scenes to measure on." },
    jobs: { kind: "count", text: "Runs side by side, as many as there are cores without it." },
    baseline: { kind: "text", value: "<recipe>", text: "What the others are compared with, grpo or the first without it." },
    tables: { kind: "flag", text: "Train nothing: write the tables of the runs that are done, also while others are under way." },
    output: { kind: "text", value: "<folder>", default: "runs/compare", text: "Where runs and tables go." },
  },
  positionals: [0, Infinity],
  async run({ values, positionals, display }) {
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
    if (values.tables) writeTables(comparison);
    else await runComparison(comparison);
  },
});

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
  const failures = await inParallel(missing.map((run) => jobOf(run, data, comparison)), jobs, say);
  if (all.some(({ folder }) => isDone(folder))) writeTables(comparison);
  if (failures.length > 0) throw new Error(`${failures.length} of ${missing.length} runs failed:\n${failures.join("\n")}`);
}

type PlannedRun = Pick<Job, "variant" | "seed" | "folder">;

/** Seed by seed, so that an interrupted comparison has every recipe. */
const plannedRuns = ({ variants, seeds, firstSeed, output }: Comparison): PlannedRun[] =>
  Array.from({ length: seeds }, (_, index) => firstSeed + index).flatMap((seed) =>
    variants.map((variant) => ({ variant, seed, folder: join(output, "runs", `${variant.label.replace(/[^\w.-]+/g, "-")}-${seed}`) })));

/** Of the runs that are done, also while others are under way. @throws Error where none is */
export function writeTables(comparison: Comparison): void {
  const { output, display } = comparison;
  const runs = plannedRuns(comparison).filter(({ folder }) => isDone(folder)).map(({ folder, variant, seed }) => readRunFolder(folder, { name: `${variant.label}, seed ${seed}`, recipe: variant.label }));
  if (runs.length === 0) throw new Error(`${output} holds no run of this comparison that is done`);
  const lines = linesOf(runs, comparison.baseline);
  const sweeps = sweepsOf(lines);
  writeFileSync(join(output, "table.md"), tableOf(lines, comparison.baseline));
  writeSummary(join(output, "runs.json"), summaryOf(runs, aboutOf(comparison)));
  writeFileSync(join(output, "results.json"), `${JSON.stringify(lines, null, 1)}\n`);
  if (sweeps.length > 0) writeFileSync(join(output, "sweeps.svg"), drawSweeps(sweeps));
  display.result(tableOf(lines, comparison.baseline), { output });
}

/** What runs must have in common to stand in one table. */
const aboutOf = ({ task: { name, strength }, steps }: Comparison) => ({ task: name, strength, steps });

/** A folder is of one comparison: runs that are done are not done anew. @throws Error where they were made under another task or budget */
function checkSame(comparison: Comparison): void {
  const [file, asked] = [join(comparison.output, "comparison.json"), JSON.stringify({ ...aboutOf(comparison), scenes: comparison.scenes })];
  const before = existsSync(file) ? readFileSync(file, "utf8").trim() : asked;
  if (before !== asked) throw new Error(`${comparison.output} holds runs of ${before}, and this comparison is of ${asked}: choose another --output`);
  writeFileSync(file, `${asked}\n`);
}

interface Scenes {
  /** The model that all begin with. */
  readonly model: string;
  readonly train: string;
  readonly unseen: string;
}

/** The same scenes for all, those of an earlier call where they are as many: enough for the longest run, and unseen ones. */
async function drawScenes({ variants, task, steps, scenes, output, display }: Comparison): Promise<Scenes> {
  const draw = async (split: "train" | "test", count: number): Promise<string> => {
    const folder = join(output, "data", split);
    const kept = join(folder, "rows.jsonl");
    return existsSync(kept) && readFileSync(kept, "utf8").split("\n").length === count + 1 ? kept : task.writeRows(folder, { split, seed: 2, count });
  };
  const model = await task.startModel(join(output, "data", "start-model"), (done, all) => (done === 1 ? display.line(`making the model to begin with: ${all} supervised steps`) : undefined));
  return { model, train: await draw("train", promptsOf(variants, steps)), unseen: await draw("test", scenes) };
}

const jobOf = (run: PlannedRun, { model, train, unseen }: Scenes, { task: { strength }, steps }: Comparison): Job => ({ ...run, steps, task: { strength }, model, train, unseen });

/** Run jobs side by side; the failures' messages. An interrupt ends the children with this process. */
async function inParallel(jobs: readonly Job[], limit: number, say: (line: string) => void): Promise<string[]> {
  const children = new Set<ChildProcess>();
  const forget = beforeEnd(() => {
    for (const child of children) child.kill();
    say(`stopped; the runs that are missing: ${commandWith([])}`);
  });
  const script = fileURLToPath(new URL("../compare/run-variant.ts", import.meta.url));
  const runs = jobs.map((job) => ({
    name: `${job.variant.label}, seed ${job.seed}`, script, words: [JSON.stringify(job)],
    // What an interrupted run left is cleared first.
    before: () => rmSync(job.folder, { recursive: true, force: true }),
  }));
  const failures = await runSideBySide(runs, { limit, say, children });
  forget();
  return failures;
}
