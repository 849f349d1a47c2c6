/**
 * A recipe with some of its numbers changed, as it is written on the command line: "papo", "papo:gamma=0.04,mode=paper". Names after "settings." are the
 * run's settings: "grpo:settings.oldLogProbs=learner", "grpo:settings.lora.rank=8"; a dot leads into an option: "papo:perception.cap=1".
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nearest, parseSettings } from "@papo/core";
import { isPresetName, preset, tinyPresetNames, type Preset, type PresetName, type PresetOptions } from "../../presets/index.ts";

export interface Variant {
  /** As it was written: runs of equal label are seeds of one another. */
  readonly label: string;
  readonly preset: PresetName;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** @throws Error when the recipe has no settings for the embedded task, or an option is none */
export function parseVariant(label: string): Variant {
  const [name = "", rest = ""] = label.split(":", 2);
  if (!isPresetName(name) || !(tinyPresetNames as readonly string[]).includes(name)) {
    const near = nearest(name, tinyPresetNames);
    throw new Error(`"${name}" is no recipe with settings for the embedded tasks;${near === null ? "" : ` did you mean "${near}"?`} there are ${tinyPresetNames.join(", ")}`);
  }
  const pairs = rest === "" ? [] : rest.split(",").map((pair) => {
    const [key, value, ...more] = pair.split("=");
    if (key === undefined || key === "" || value === undefined || value === "" || more.length > 0) throw new Error(`"${pair}" in "${label}" is no option; write name=value`);
    return [key, valueOf(value)] as const;
  });
  const variant = { label, preset: name, options: Object.fromEntries(pairs) };
  makeVariant(variant);
  return variant;
}

/** New plugins, and settings. */
export function makeVariant({ preset: name, options }: Variant): Preset {
  const [chosen, own] = [true, false].map((ofSettings) => Object.fromEntries(Object.entries(options).filter(([key]) => key.startsWith(settingsPrefix) === ofSettings)));
  const { plugins, settings } = preset(name, Object.entries(own!).reduce((all, [key, value]) => withSetting(all, key.split("."), value), {} as Settings) as PresetOptions);
  const changed = Object.entries(chosen!).reduce((all, [key, value]) => withSetting(all, key.slice(settingsPrefix.length).split("."), value), settings as Settings);
  parseSettings(changed);
  return { plugins, settings: changed };
}

/** Prompts of the longest run of these. @param steps null: each one's own */
export const promptsOf = (variants: readonly Variant[], steps: number | null): number => Math.max(...variants.map((variant) => {
  const settings = parseSettings(makeVariant(variant).settings);
  return (steps ?? settings.steps) * settings.promptsPerStep;
}));

const settingsPrefix = "settings.";

type Settings = Readonly<Record<string, unknown>>;

/** Settings, or options, with one of them changed, a part of another one by its path. */
function withSetting(settings: Settings, [name = "", ...path]: readonly string[], value: unknown): Settings {
  return { ...settings, [name]: path.length === 0 ? value : withSetting((settings[name] ?? {}) as Settings, path, value) };
}

const valueOf = (text: string): string | number | boolean => (text === "true" ? true : text === "false" ? false : Number.isNaN(Number(text)) ? text : Number(text));

/** That the run in this folder is done: it was measured to the end. */
export const isDone = (folder: string): boolean => existsSync(join(folder, "evaluation", "after"));
