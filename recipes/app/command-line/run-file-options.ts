/** Options of commands that run a run file. */
import { begunRun } from "../../run-file/begun-run.ts";
import { loadRunFile, type LoadedRunFile, type RunFileChanges } from "../../run-file/run-file.ts";
import { overriddenPath } from "../../run-file/overrides.ts";
import { UsageError } from "./command.ts";
import type { GivenOptions, Options } from "./options.ts";

export const setOption = {
  set: {
    kind: "text",
    value: "<path=value>",
    many: true,
    text: "Set an option in place of the run file's: settings.learningRate=1e-5, plugins.PerceptionKlPlugin.coefficient=0.02, plugins=grpo (a preset in place of its plugins, its rewards kept), model=…, data=…, data.split=…, evaluation.every=….",
  },
} as const satisfies Options;

export const runFileOptions = {
  ...setOption,
  output: { kind: "text", value: "<folder>", text: "The run's folder, in place of the run file's." },
  overwrite: {
    kind: "flag",
    text: "Begin anew in a folder that holds a run. The earlier one is removed once the new one has done its first step.",
  },
} as const satisfies Options;

export interface ChangedRunFile {
  readonly run: LoadedRunFile;
  /** All that is set from outside. */
  readonly overrides: readonly string[];
}

/**
 * The run file as the options change it. A run that is resumed keeps what it was begun with, unless it is set
 * otherwise.
 * @throws Error with all that is wrong, a line each
 */
export async function changedRunFile(
  file: string,
  { set, output, overwrite }: GivenOptions<typeof runFileOptions>,
  resume: boolean,
): Promise<ChangedRunFile> {
  if (overwrite && resume)
    throw new UsageError([
      "--overwrite begins anew and --resume goes on: give one of them",
      ...(await runFileMistakes([file], { set, output })),
    ]);
  const run = await loadRunFile(file, { set, output });
  if (!resume) return { run, overrides: set };
  const paths = set.map(overriddenPath);
  const earlier = begunRun(run.output).overrides.filter((written) => !paths.includes(overriddenPath(written)));
  if (earlier.length === 0) return { run, overrides: set };
  const overrides = [...earlier, ...set];
  return { run: await loadRunFile(file, { set: overrides, output: run.output }), overrides };
}

/** Whether a word names a run file, and not a model or data. */
export const isRunFile = (word: string): boolean => /\.[cm]?[jt]s$/.test(word);

/**
 * What is wrong in the run file and in what is set in it, told beside mistakes in the options. @param words the run
 * file, and others perhaps
 */
export async function runFileMistakes(words: readonly string[], changes: RunFileChanges): Promise<readonly string[]> {
  const file = words.find(isRunFile);
  if (file === undefined) return [];
  try {
    await loadRunFile(file, changes);
    return [];
  } catch (error) {
    return (error as Error).message.split("\n");
  }
}
