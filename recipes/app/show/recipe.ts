/** A recipe as `papo show` and `papo diff` read it: a preset, a run file, or the folder of a run. */
import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { identityOf, parseSettings, type Plugin, readJsonFile, type RunSettingsInput, textDigest } from "@papo/core";
import { z } from "zod";
import { loadRunFile, type LoadedRunFile } from "../../run-file/run-file.ts";
import { writtenRunFile } from "../../run-file/written-options.ts";
import { isPlan } from "../evaluation/plan.ts";
import { aboutPreset, isPresetName, presetNames, type PresetName } from "../../presets/index.ts";
import { madePreset, writtenPreset } from "../../presets/written-preset.ts";

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
  /**
   * What a run file says besides: model, data, evaluation, reward; nested ones by path. Null of what is no run file.
   */
  readonly inputs: Readonly<Record<string, unknown>> | null;
}

const fields = z.record(z.string(), z.unknown());
/** A list where a plugin takes several at once. */
const optionsSchema = z.custom<Record<string, unknown> | null>((options) => typeof options === "object", "no object");
const runSchema = z.object({
  settings: fields,
  plugins: z.array(z.object({ name: z.string(), options: optionsSchema })),
});

/**
 * @param written a preset, a run's folder, or a run file, which may have options behind it:
 *   "my-run.ts:settings.steps=5"
 * @param given what is set in place of what a run file says, "path=value" each
 * @throws Error saying what there is, when it is none of the three
 */
export async function readRecipe(written: string, given: readonly string[] = []): Promise<DescribedRecipe> {
  const { file: name, set } =
    presetOf(written) === null && !existsSync(written)
      ? (writtenRunFile(written) ?? { file: written, set: [] })
      : { file: written, set: [] };
  const isFile = presetOf(name) === null && existsSync(name) && !statSync(name).isDirectory();
  if (given.length > 0 && !isFile) throw new Error(`--set is for run files, and "${name}" is none`);
  const known = presetOf(name);
  if (known !== null) {
    const { source, baseline } = aboutPreset(known);
    return describe(name, `preset: ${source}`, baseline, madePreset(writtenPreset(name)));
  }
  const path = resolve(name);
  if (!existsSync(path))
    throw new Error(`"${name}" is neither a preset nor a file nor a folder; presets are ${presetNames.join(", ")}`);
  if (!statSync(path).isDirectory()) {
    const run = await loadRunFile(path, { set: [...given, ...set] });
    return { ...describe(written, `run file ${path}`, isNamedBaseline(path), run), inputs: inputsOf(run) };
  }
  const file = join(path, "run.json");
  if (!existsSync(file)) throw new Error(`${path} is no run's folder: it has no run.json`);
  const run = readJsonFile(file, runSchema, "bring it back from a copy, or name the run file instead");
  const plugins = run.plugins.map((plugin) => ({ name: plugin.name, options: plugin.options ?? {} }));
  return {
    name,
    source: `run in ${path}`,
    baseline: isNamedBaseline(path),
    settings: flat(parseSettings(run.settings as RunSettingsInput)),
    plugins,
    inputs: null,
  };
}

/** The preset that a text names, options behind it or not. */
function presetOf(text: string): PresetName | null {
  const name = text.split(":")[0]!;
  return isPresetName(name) ? name : null;
}

/** Functions by what they say: two rewards differ where their texts do. */
function inputsOf({ model, data, evaluation, reward }: LoadedRunFile): Record<string, unknown> {
  const whole = flat({
    model,
    data,
    ...(evaluation === undefined ? {} : { evaluation: isPlan(evaluation) ? evaluation : { data: evaluation } }),
  });
  return {
    ...whole,
    ...(reward === undefined ? {} : { reward: `(function ${textDigest(String(reward)).slice(0, 8)})` }),
  };
}

function describe(
  name: string,
  source: string,
  baseline: boolean,
  { plugins, settings = {} }: { readonly plugins: readonly Plugin[]; readonly settings?: RunSettingsInput },
): DescribedRecipe {
  const described = plugins.map((plugin) => ({
    name: identityOf(plugin),
    options: "options" in plugin ? readable(plugin.options) : {},
  }));
  return { name, source, baseline, settings: flat(parseSettings(settings)), plugins: described, inputs: null };
}

/** "grpo-seed-1", "dapo_7b", "my-baseline": what a reader takes for a baseline. */
function isNamedBaseline(path: string): boolean {
  const name = basename(path).toLowerCase();
  return name.includes("baseline") || /^(dr-?)?(grpo|dapo|rloo|gspo)\b/.test(name.replaceAll("_", "-"));
}

const readable = (options: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries((options ?? {}) as Record<string, unknown>).map(([name, value]) => [
      name,
      typeof value === "function" ? "(function)" : value,
    ]),
  );

/** Nested objects by path. */
function flat(value: object, prefix = ""): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.entries(flat(inner, `${prefix}${name}.`))
        : [[`${prefix}${name}`, inner]],
    ),
  );
}
