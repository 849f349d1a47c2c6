/** `--set plugins=papo:gamma=0.02`: a preset's recipe in place of a run file's, for the same rewards. */
import { createHost, identityOf, type Plugin } from "@papo/core";
import { aboutPlugin } from "../app/show/catalogue.ts";
import { isSetting, madePreset, writtenPreset } from "../presets/written-preset.ts";
import type { RunFile } from "./run-file.ts";

/**
 * The plugins of a preset with those of the run file that give rewards before them, and those that only observe after
 * them. Where the run file has rewards, the preset's own are left out, but for those that are its method. Settings stay
 * the run file's.
 * @throws Error for what is no preset, and options that it does not take
 */
export function presetPlugins(
  text: string,
  { plugins, reward }: Pick<RunFile, "plugins" | "reward">,
): readonly Plugin[] {
  const written = writtenPreset(text);
  const setting = Object.keys(written.options).find(isSetting);
  if (setting !== undefined)
    throw new Error(`settings are the run file's: --set ${setting}=${String(written.options[setting])} sets one`);
  const made = madePreset(written).plugins;
  const [rewards, observers] = [scorersAmong(plugins), plugins.filter(({ observes }) => observes === true)];
  const own =
    rewards.length === 0 && reward === undefined
      ? []
      : scorersAmong(made).filter(({ name }) => aboutPlugin(name)?.file.startsWith("plugins/reward/") === true);
  return [...rewards, ...made.filter((plugin) => !own.includes(plugin)), ...observers];
}

/** Those that register a scorer. */
function scorersAmong(plugins: readonly Plugin[]): readonly Plugin[] {
  const host = createHost(plugins, { seed: 1 });
  return plugins.filter((plugin) => host.scorersOf(identityOf(plugin)).length > 0);
}
