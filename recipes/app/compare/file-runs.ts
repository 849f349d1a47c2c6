/**
 * Runs of run files, each a process of its own that goes on where it was cut off: what sweeps and comparisons of run
 * files train.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { createHost, parseSettings, writeFileAtomic } from "@papo/core";
import { modelFolder } from "../../run-file/model-folder.ts";
import { loadRunFile, type LoadedRunFile } from "../../run-file/run-file.ts";
import { differences } from "../commands/diff.ts";
import { readRecipe, type DescribedRecipe } from "../show/recipe.ts";
import { runSideBySide, type SideBySide, type SideRun } from "./side-by-side.ts";

export interface FileRun {
  /** For people. */
  readonly name: string;
  readonly runFile: string;
  readonly seed: number;
  /** "path=value" each. */
  readonly set: readonly string[];
  readonly folder: string;
  /** Written when the run is done. */
  readonly finished: string;
}

export const isFinished = ({ finished }: Pick<FileRun, "finished">): boolean => existsSync(finished);

/**
 * What would stop the runs, of all of them at once. @returns the run files as they are read, in order. @throws Error
 * naming it, a line each
 */
export async function checkRuns(runs: readonly FileRun[]): Promise<LoadedRunFile[]> {
  const mistakes = new Set<string>();
  const read: LoadedRunFile[] = [];
  for (const { runFile, set, folder } of runs) {
    try {
      const run = await loadRunFile(runFile, { set, output: folder });
      createHost(run.plugins, { seed: parseSettings(run.settings).seed });
      modelFolder(run.model, run.modelAsWritten);
      read.push(run);
    } catch (error) {
      for (const line of (error as Error).message.split("\n")) mistakes.add(line);
    }
  }
  if (mistakes.size > 0) throw new Error([...mistakes].slice(0, 20).join("\n"));
  await checkEarlier(runs);
  return read;
}

/** Runs that were begun must be those that are asked for now. */
async function checkEarlier(runs: readonly FileRun[]): Promise<void> {
  for (const { name, runFile, set, folder } of runs) {
    if (!hasBegun(folder)) continue;
    const changed = differences(comparable(await readRecipe(folder)), comparable(await readRecipe(runFile, set)));
    if (changed.length === 0) continue;
    throw new Error(
      `${name} was begun with another recipe, ${folder}:\n${changed
        .slice(0, 5)
        .map((line) => `  ${line}`)
        .join("\n")}\nname another --output, or undo the change; nothing there is lost`,
    );
  }
}

/** As run.json has it, and without the log that training adds. */
function comparable(recipe: DescribedRecipe): DescribedRecipe {
  const plain = JSON.parse(JSON.stringify(recipe)) as DescribedRecipe;
  return { ...plain, plugins: plain.plugins.filter(({ name }) => name !== "RunLogPlugin") };
}

const hasBegun = (folder: string): boolean => existsSync(`${folder}/run.json`);

/** Train those that are missing. @returns a line for each that failed, with its last words */
export async function trainMissing(runs: readonly FileRun[], how: SideBySide): Promise<string[]> {
  const missing = runs.filter((run) => !isFinished(run));
  how.say(
    `${runs.length} run${runs.length === 1 ? "" : "s"}, ${runs.length - missing.length} of them done already; ${how.limit} at a time`,
  );
  const failures = await runSideBySide(missing.map(sideRun), how);
  return failures.length === 0 ? [] : [`${failures.length} of ${missing.length} runs failed:`, ...failures];
}

const sideRun = ({ name, runFile, set, folder, finished, seed }: FileRun): SideRun => ({
  name,
  script: fileURLToPath(new URL("./train-one.ts", import.meta.url)),
  words: [
    "train",
    runFile,
    ...set.flatMap((one) => ["--set", one]),
    "--output",
    folder,
    ...(hasBegun(folder) ? ["--resume"] : []),
  ],
  before: () => mkdirSync(dirname(folder), { recursive: true }),
  log: `${folder}.log`,
  after: () => writeFileAtomic(finished, `${JSON.stringify({ set, seed })}\n`),
});
