/** A recipe of the embedded tasks as a comparison has it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseSettings } from "@papo/core";
import { tinyPresetNames } from "../../presets/index.ts";
import { madePreset, writtenPreset, type WrittenPreset } from "../../presets/written-preset.ts";

export interface Variant extends WrittenPreset {
  /** As it was written: runs of equal label are seeds of one another. */
  readonly label: string;
}

/** @throws Error when the recipe has no settings for the embedded task, or an option is none */
export function parseVariant(label: string): Variant {
  const variant = { label, ...writtenPreset(label, tinyPresetNames, "recipe with settings for the embedded tasks") };
  madePreset(variant);
  return variant;
}

/** Prompts of the longest run of these. @param steps null: each one's own */
export const promptsOf = (variants: readonly Variant[], steps: number | null): number =>
  Math.max(
    ...variants.map((variant) => {
      const settings = parseSettings(madePreset(variant).settings);
      return (steps ?? settings.steps) * settings.promptsPerStep;
    }),
  );

/** That the run in this folder is done: it was measured to the end. */
export const isDone = (folder: string): boolean => existsSync(join(folder, "evaluation", "after"));
