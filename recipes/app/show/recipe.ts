/** A recipe as `papo show` and `papo diff` read it: a preset, a run file, or the folder of a run. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { identityOf, parseSettings, type Plugin, type RunSettingsInput } from "@papo/core";
import { loadRunFile } from "../../run-file/run-file.ts";
import { aboutPreset, isPresetName, preset, presetNames } from "../../presets/index.ts";

export interface DescribedPlugin {
  readonly name: string;
  /** By name; functions are "(function)". */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface DescribedRecipe {
  /** As it was asked for. */
  readonly name: string;
  /** Where it comes from, for people. */
  readonly source: string;
  /** It calls itself a baseline, or is named after one. */
  readonly baseline: boolean;
  /** All of them, defaults filled in, nested ones by path: "sampling.topP". */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly plugins: readonly DescribedPlugin[];
}

/**
 * @param set what is set in place of what a run file says, "path=value" each
 * @throws Error saying what there is, when the name is none of the three
 */
export async function readRecipe(name: string, set: readonly string[] = []): Promise<DescribedRecipe> {
  const isRunFile = !isPresetName(name) && existsSync(name) && !statSync(name).isDirectory();
  if (set.length > 0 && !isRunFile) throw new Error(`--set is for run files, and "${name}" is none`);
  if (isPresetName(name)) {
    const { source, baseline } = aboutPreset(name);
    return describe(name, `preset: ${source}`, baseline, preset(name));
  }
  const path = resolve(name);
  if (!existsSync(path)) throw new Error(`"${name}" is neither a preset nor a file nor a folder; presets are ${presetNames.join(", ")}`);
  if (!statSync(path).isDirectory()) return describe(name, `run file ${path}`, isNamedBaseline(path), await loadRunFile(path, { set }));
  const file = join(path, "run.json");
  if (!existsSync(file)) throw new Error(`${path} is no run's folder: it has no run.json`);
  const run = JSON.parse(readFileSync(file, "utf8")) as { settings: RunSettingsInput; plugins: readonly { name: string; options: Record<string, unknown> | null }[] };
  const plugins = run.plugins.map((plugin) => ({ name: plugin.name, options: plugin.options ?? {} }));
  return { name, source: `run in ${path}`, baseline: isNamedBaseline(path), settings: flat(parseSettings(run.settings)), plugins };
}

function describe(name: string, source: string, baseline: boolean, { plugins, settings = {} }: { readonly plugins: readonly Plugin[]; readonly settings?: RunSettingsInput }): DescribedRecipe {
  const described = plugins.map((plugin) => ({ name: identityOf(plugin), options: "options" in plugin ? readable(plugin.options) : {} }));
  return { name, source, baseline, settings: flat(parseSettings(settings)), plugins: described };
}

/** "grpo-seed-1", "dapo_7b", "my-baseline": what a reader takes for a baseline. */
function isNamedBaseline(path: string): boolean {
  const name = basename(path).toLowerCase();
  return name.includes("baseline") || /^(dr-?)?(grpo|dapo|rloo|gspo)\b/.test(name.replaceAll("_", "-"));
}

const readable = (options: unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries((options ?? {}) as Record<string, unknown>).map(([name, value]) => [name, typeof value === "function" ? "(function)" : value]));

/** Nested objects by path. */
function flat(value: object, prefix = ""): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner) ? Object.entries(flat(inner, `${prefix}${name}.`)) : [[`${prefix}${name}`, inner]]));
}
