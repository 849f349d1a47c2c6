/** A sweep's runs: which are done, which are gone on with, and what all of them come to. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHost, lockFolder, makeFolder, parseSettings } from "@papo/core";
import { modelFolder } from "../../run-file/model-folder.ts";
import { loadRunFile } from "../../run-file/run-file.ts";
import { differences } from "../commands/diff.ts";
import { runSideBySide, type SideRun } from "../compare/side-by-side.ts";
import type { Display } from "../display/display.ts";
import { readRunFolder } from "../report/read-run.ts";
import { writeReport } from "../report/write-report.ts";
import { readRecipe, type DescribedRecipe } from "../show/recipe.ts";
import { configurationsOf, folderName, type Configuration, type Varied } from "./grid.ts";
import { drawSweep, linesOf, rankingOf, sweepTable } from "./results.ts";

export interface Sweep {
  readonly runFile: string;
  readonly varied: readonly Varied[];
  /** "path=value" each, the same for all. */
  readonly fixed: readonly string[];
  readonly seeds: number;
  readonly jobs: number;
  /** What to rank by; see `rankingOf`. */
  readonly metric: string | undefined;
  readonly output: string;
  readonly display: Pick<Display, "line" | "result">;
  readonly signal: AbortSignal;
}

export interface PlannedRun {
  readonly name: string;
  readonly configuration: Configuration;
  readonly seed: number;
  readonly set: readonly string[];
  readonly folder: string;
  /** Written when the run is done. */
  readonly finished: string;
}

/** Seed by seed, so that a sweep that is stopped has every configuration. */
export function plannedRuns({ varied, fixed, seeds, output }: Pick<Sweep, "varied" | "fixed" | "seeds" | "output">): PlannedRun[] {
  const configurations = configurationsOf(varied);
  return Array.from({ length: seeds }, (_, index) => index + 1).flatMap((seed) => configurations.map((configuration) => {
    const folder = join(output, "runs", folderName(configuration, seed));
    const name = [...(configuration.label === "" ? [] : [configuration.label]), `seed ${seed}`].join(", ");
    return { name, configuration, seed, set: [...fixed, ...configuration.set, `settings.seed=${seed}`], folder, finished: `${folder}.json` };
  }));
}

/** What would stop the runs, of all configurations at once. @throws Error naming it, a line each */
export async function checkRuns(runFile: string, runs: readonly PlannedRun[]): Promise<void> {
  const mistakes = new Set<string>();
  for (const { set, folder } of runs) {
    try {
      const run = await loadRunFile(runFile, { set, output: folder });
      createHost(run.plugins, { seed: parseSettings(run.settings).seed });
      modelFolder(run.model, run.modelAsWritten);
    } catch (error) {
      for (const line of (error as Error).message.split("\n")) mistakes.add(line);
    }
  }
  if (mistakes.size > 0) throw new Error([...mistakes].slice(0, 20).join("\n"));
  await checkEarlier(runFile, runs);
}

/** Runs that were begun must be those that are asked for now. */
async function checkEarlier(runFile: string, runs: readonly PlannedRun[]): Promise<void> {
  for (const { name, set, folder } of runs) {
    if (!existsSync(join(folder, "run.json"))) continue;
    const changed = differences(comparable(await readRecipe(folder)), comparable(await readRecipe(runFile, set)));
    if (changed.length === 0) continue;
    throw new Error(`${name} was begun with another recipe, ${folder}:\n${changed.slice(0, 5).map((line) => `  ${line}`).join("\n")}\nname another --output, or undo the change; nothing there is lost`);
  }
}

/** As run.json has it, and without the log that training adds. */
function comparable(recipe: DescribedRecipe): DescribedRecipe {
  const plain = JSON.parse(JSON.stringify(recipe)) as DescribedRecipe;
  return { ...plain, plugins: plain.plugins.filter(({ name }) => name !== "RunLogPlugin") };
}

/** Run what is missing, then write what all of it comes to. @throws Error naming the runs that failed, after all others have ended */
export async function runSweep(sweep: Sweep, runs: readonly PlannedRun[]): Promise<void> {
  const { output, display, jobs, signal, runFile } = sweep;
  makeFolder(output);
  const lock = lockFolder(output);
  try {
    mkdirSync(join(output, "runs"), { recursive: true });
    const missing = runs.filter(({ finished }) => !existsSync(finished));
    display.line(`${runs.length} run${runs.length === 1 ? "" : "s"}, ${runs.length - missing.length} of them done already; ${jobs} at a time`);
    const failures = await runSideBySide(missing.map((run) => sideRun(runFile, run)), { limit: jobs, say: (line) => display.line(line), signal });
    await writeResults(sweep, runs);
    if (failures.length > 0) throw new Error(`${failures.length} of ${missing.length} runs failed:\n${failures.join("\n")}`);
    signal.throwIfAborted();
  } finally {
    lock.release();
  }
}

const sideRun = (runFile: string, { name, set, folder, finished, seed }: PlannedRun): SideRun => ({
  name,
  script: fileURLToPath(new URL("./run-one.ts", import.meta.url)),
  words: ["train", runFile, ...set.flatMap((one) => ["--set", one]), "--output", folder, ...(existsSync(join(folder, "run.json")) ? ["--resume"] : [])],
  log: `${folder}.log`,
  after: () => writeFileSync(finished, `${JSON.stringify({ set, seed })}\n`),
});

async function writeResults({ varied, metric, output, display }: Sweep, runs: readonly PlannedRun[]): Promise<void> {
  const done = runs.filter(({ finished }) => existsSync(finished));
  if (done.length === 0) return;
  const records = done.map(({ name, configuration, folder }) => readRunFolder(folder, { name, recipe: configuration.label || "run" }));
  const ranking = rankingOf(records, metric);
  const configurations = configurationsOf(varied).map((configuration) => ({ ...configuration, label: configuration.label || "run" }));
  const lines = linesOf(configurations, records, ranking);
  const table = sweepTable(lines, varied, ranking);
  writeFileSync(join(output, "table.md"), table);
  writeFileSync(join(output, "results.json"), `${JSON.stringify({ ranking, lines }, null, 1)}\n`);
  if (varied.length > 0) writeFileSync(join(output, "sweep.svg"), drawSweep(lines, varied, ranking));
  const report = join(output, "report.html");
  const left = runs.length - done.length;
  await writeReport(report, { title: "Sweep", subtitle: `${done.length} of ${runs.length} runs. The best: ${lines[0]?.label ?? "none"}, by ${ranking.title}.`, runs: records });
  display.result(`${table}${left > 0 ? `\n${left} of ${runs.length} runs are not done yet.\n` : ""}`, { output, report, best: lines[0]?.label ?? null, done: done.length, runs: runs.length });
}
