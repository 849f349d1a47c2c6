/**
 * Recipes with every number filled in: the rows of the published tables, and the same methods scaled to a tiny model.
 */
import { createHost } from "@papo/core";
import type { Preset, MaskingOptions, PresetEntry } from "./preset.ts";
import { published } from "./published.ts";
import { tinyPresets } from "./tiny.ts";

export { tinySteps } from "./tiny.ts";

export type { Preset } from "./preset.ts";

const PRESETS = { ...published, ...tinyPresets };

export type PresetName = keyof typeof PRESETS;

/** What `preset` takes: `mode` of any, and of a recipe with PAPO's plugins whatever `papo` takes. */
export type PresetOptions = MaskingOptions;

export const presetNames = Object.keys(PRESETS) as PresetName[];

/** Those with a budget for the embedded task, all the same. */
export const tinyPresetNames = Object.keys(tinyPresets) as (keyof typeof tinyPresets)[];

/**
 * A named recipe; the plugins are new each time. Published rows bring their rewards, tiny ones leave them to the task.
 */
export function preset(name: PresetName, options: PresetOptions = {}): Preset {
  const entry = entryOf(name);
  const { mode, ...others } = options;
  if (mode !== undefined && mode !== "official" && mode !== "paper")
    throw new Error(`preset ${name}: "mode" is official or paper, not "${String(mode)}"`);
  const made = entry.make(options);
  const unused = Object.keys(others);
  if (unused.length > 0 && !createHost(made.plugins, { seed: 1 }).plugins.includes("PerceptionKlPlugin")) {
    throw new Error(`preset ${name} takes no option "${unused[0]}"; those with PAPO's plugins do`);
  }
  return made;
}

/** Which table row a preset is, and whether it is a baseline. */
export function aboutPreset(name: PresetName): Pick<PresetEntry, "source"> & { readonly baseline: boolean } {
  const { source, baseline = false } = entryOf(name);
  return { source, baseline };
}

export const isPresetName = (name: string): name is PresetName => name in PRESETS;

function entryOf(name: PresetName): PresetEntry {
  const entry: PresetEntry | undefined = PRESETS[name];
  if (entry === undefined) throw new Error(`There is no preset "${String(name)}"; there are ${presetNames.join(", ")}`);
  return entry;
}
