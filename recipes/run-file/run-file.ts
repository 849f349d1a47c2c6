/**
 * A run file: what `papo train run.ts` and `papo sft run.ts` read, a TypeScript module whose default export says what
 * to run.
 */
import { resolve, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { existsSync } from "node:fs";
import { z } from "zod";
import { resolveData, type Data } from "./data-source.ts";
import { isPlan, planOf, type Evaluation } from "../app/evaluation/plan.ts";
import { parseOptions, parseSettings, type Plugin, type RunSettingsInput } from "@papo/core";
import { FunctionRewardPlugin } from "@papo/plugins";
import { withOverrides } from "./overrides.ts";
import type { Scorable, Scored } from "@papo/core";
import { importModule } from "@papo/core/import-module";

export interface RunFile {
  /** A Hugging Face folder. Paths are relative to the run file. */
  readonly model: string;
  /**
   * Rows: columns prompt, answer, images, and any others, which rewards can read. A .jsonl, .json, .csv or .tsv file
   * (paths are relative to it), a .parquet or .arrow file or a folder of them; { path, columns, split, template,
   * controlTokens }; or a list of these with weights, a mix.
   */
  readonly data: Data;
  /** The recipe: `grpo()`, `papo(dapo())`, your own plugins, in order. */
  readonly plugins: readonly Plugin[];
  /** The reward of a response, null where it does not apply, when no plugin of the recipe gives one. */
  readonly reward?: (sample: Scorable) => Scored | Promise<Scored>;
  /** Everything else about the run; see RunSettings. */
  readonly settings?: RunSettingsInput;
  /** Rows to evaluate on before and after, greedily, by the same rewards; or a plan that says more. */
  readonly evaluation?: Evaluation;
  /** The run's folder: metrics, samples, checkpoints, report.html. */
  readonly output: string;
}

/** As it is read: paths absolute, its reward a plugin. */
export interface LoadedRunFile extends RunFile {
  readonly modelAsWritten: string;
}

/** Knows the names alone; what stands under them is checked where it is used. */
const runFileSchema = z.strictObject({
  model: z.unknown(),
  data: z.unknown(),
  plugins: z.unknown(),
  reward: z.unknown().optional(),
  settings: z.unknown().optional(),
  evaluation: z.unknown().optional(),
  output: z.unknown(),
});

/** For editors: types the default export of a run file. */
export const defineRun = (run: RunFile): RunFile => run;

/** What is set from outside. */
export interface RunFileChanges {
  /** "path=value", see `withOverrides`. */
  readonly set?: readonly string[];
  /** The run's folder, from the current one, in place of the run file's. */
  readonly output?: string | undefined;
}

/**
 * Read a run file, with its paths made absolute and its reward made a plugin.
 * @throws Error with everything that is wrong in it, a line each
 */
export async function loadRunFile(path: string, { set = [], output }: RunFileChanges = {}): Promise<LoadedRunFile> {
  const file = resolve(path);
  if (!existsSync(file)) throw new Error(`there is no run file ${file}`);
  const { default: written } = (await importModule(pathToFileURL(file), import.meta.url)) as { default?: RunFile };
  if (written === undefined) throw new Error(`${file} has no default export: export default defineRun({ … })`);
  const mistakes: string[] = [];
  const tell = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      mistakes.push((error as Error).message);
      return undefined;
    }
  };
  const run = {
    ...withOverrides(written, set, mistakes),
    ...(output === undefined ? {} : { output: resolve(output) }),
  };
  tell(() => parseOptions(file, runFileSchema, run));
  for (const key of ["model", "output"] as const) {
    if (run[key] !== undefined && typeof run[key] !== "string")
      mistakes.push(`${file}: "${key}" must be a path, it is ${JSON.stringify(run[key])}`);
  }
  if (run.plugins !== undefined) tell(() => checkPlugins(run.plugins, file));
  if (run.settings !== undefined) tell(() => parseSettings(run.settings));
  const data = run.data === undefined ? undefined : tell(() => resolveData(run.data, dirname(file), `${file}: "data"`));
  const evaluation = run.evaluation === undefined ? undefined : tell(() => resolveEvaluation(run.evaluation!, file));
  if (mistakes.length > 0 || data === undefined) throw new Error(mistakes.join("\n"));
  const from = (relative: string): string => resolve(dirname(file), relative);
  return {
    ...run,
    model: from(run.model),
    modelAsWritten: run.model,
    data,
    output: from(run.output),
    ...(run.settings === undefined ? {} : { settings: withAdapterPaths(run.settings, from) }),
    ...(evaluation === undefined ? {} : { evaluation }),
    plugins: run.reward
      ? [...run.plugins, new FunctionRewardPlugin({ name: "reward", score: run.reward })]
      : run.plugins,
  };
}

/** Settings with the folders of adapters made absolute. */
function withAdapterPaths(settings: RunSettingsInput, from: (relative: string) => string): RunSettingsInput {
  const { lora } = settings;
  if (typeof lora !== "object" || lora === null) return settings;
  const path = <T>(value: T): T | string => (typeof value === "string" ? from(value) : value);
  const { start, fixed, reference } = lora;
  return {
    ...settings,
    lora: {
      ...lora,
      ...(start === undefined ? {} : { start: path(start) }),
      ...(Array.isArray(fixed) ? { fixed: fixed.map(path) } : {}),
      ...(reference === undefined || reference === "base" || reference === "start"
        ? {}
        : { reference: path(reference) }),
    },
  };
}

function resolveEvaluation(evaluation: Evaluation, file: string): Evaluation {
  if (!isPlan(evaluation)) return resolveData(evaluation, dirname(file), `${file}: "evaluation"`);
  planOf(evaluation);
  return { ...evaluation, data: resolveData(evaluation.data, dirname(file), `${file}: "evaluation.data"`) };
}

function checkPlugins(plugins: unknown, file: string): void {
  if (!Array.isArray(plugins)) throw new Error(`${file}: "plugins" must be an array, for example papo(grpo())`);
  const odd = (plugins as unknown[]).findIndex(
    (plugin) => typeof (plugin as Partial<Plugin> | null)?.apply !== "function",
  );
  if (odd < 0) return;
  const hint = Array.isArray(plugins[odd])
    ? "it is an array: spread it, ...grpo()"
    : "it has no apply: write new SomePlugin({ … })";
  throw new Error(`${file}: plugins[${odd}] is no plugin; ${hint}`);
}
