/** What a named recipe is. */
import type { Plugin, RunSettingsInput } from "@papo/core";
import type { PapoOptions } from "../papo.ts";

/** Plugins and the settings they were published with. */
export interface Preset {
  readonly plugins: readonly Plugin[];
  readonly settings: RunSettingsInput;
}

/** A preset before its options are known. */
export interface PresetEntry {
  /** The table row or script it is, and where its numbers come from. */
  readonly source: string;
  /** A baseline is what methods are compared with: nothing of a method belongs in it. */
  readonly baseline?: boolean;
  make(options: MaskingOptions): Preset;
}

/** Options that recipes with a perception term take; see PapoOptions. Others ignore `mode` and refuse the rest. */
export type MaskingOptions = PapoOptions;
