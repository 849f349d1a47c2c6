/**
 * A preset with some of its numbers changed, as it is written on the command line: "papo",
 * "papo:gamma=0.04,mode=paper". Names after "settings." are the run's settings: "grpo:settings.oldLogProbs=learner",
 * "grpo:settings.lora.rank=8"; a dot leads into an option: "papo:perception.cap=1".
 */
import { nearest, parseSettings } from "@papo/core";
import { splitOptions } from "../run-file/written-options.ts";
import { isPresetName, preset, presetNames, type Preset, type PresetName, type PresetOptions } from "./index.ts";

export interface WrittenPreset {
  readonly preset: PresetName;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/**
 * @param known names that are meant. @throws Error naming what is near, for a name that is none, or an option that is
 * not name=value
 */
export function writtenPreset(text: string, known: readonly string[] = presetNames, what = "preset"): WrittenPreset {
  const at = text.indexOf(":");
  const name = at < 0 ? text : text.slice(0, at);
  if (!isPresetName(name) || !known.includes(name)) {
    const near = nearest(name, known);
    throw new Error(
      `"${name}" is no ${what};${near === null ? "" : ` did you mean "${near}"?`} there are ${known.join(", ")}`,
    );
  }
  const pairs = at < 0 ? [] : splitOptions(text.slice(at + 1), text);
  return { preset: name, options: Object.fromEntries(pairs.map(([key, value]) => [key, valueOf(value)])) };
}

/**
 * New plugins, and settings: the preset's own, with what is written of them. @throws Error for an option or a setting
 * that there is not
 */
export function madePreset({ preset: name, options }: WrittenPreset): Preset {
  const written = Object.entries(options);
  const [chosen, own] = [written.filter(([key]) => isSetting(key)), written.filter(([key]) => !isSetting(key))];
  const { plugins, settings } = preset(
    name,
    own.reduce<Settings>((all, [key, value]) => withValue(all, key.split("."), value), {}) as PresetOptions,
  );
  const changed = chosen.reduce<Settings>((all, [key, value]) => withValue(all, key.split(".").slice(1), value), {
    ...settings,
  });
  parseSettings(changed);
  return { plugins, settings: changed };
}

export const isSetting = (option: string): boolean => option.startsWith("settings.");

type Settings = Readonly<Record<string, unknown>>;

/** The same with one value changed, a part of another one by its path. */
function withValue(settings: Settings, [name = "", ...path]: readonly string[], value: unknown): Settings {
  return {
    ...settings,
    [name]: path.length === 0 ? value : withValue((settings[name] ?? {}) as Settings, path, value),
  };
}

const valueOf = (text: string): string | number | boolean =>
  text === "true" ? true : text === "false" ? false : Number.isNaN(Number(text)) ? text : Number(text);
