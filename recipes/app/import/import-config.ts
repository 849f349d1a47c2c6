/** A peer's configuration as a run file. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { readSmallFile } from "@papo/core";
import type { Peer } from "../../run-file/peers/counterparts.ts";
import { Draft, type Note } from "./draft.ts";
import { fromEasyR1 } from "./easyr1.ts";
import { defaultsOf } from "./peer-defaults.ts";
import { readConfig, type PeerConfig } from "./read-config.ts";
import { runFileText } from "./run-file-text.ts";
import { fromTrl } from "./trl.ts";
import { fromVerl } from "./verl.ts";

export interface Imported {
  readonly peer: Peer;
  readonly text: string;
  readonly left: readonly Note[];
  /** A file that the configuration changes and that was not found. */
  readonly missing?: string;
}

/** Of a configuration at most. */
export const configurationBytes = 2 ** 20;

const translations = { trl: fromTrl, verl: fromVerl, easyr1: fromEasyR1 };

/** @throws Error where the text is no configuration that is known here */
export function importConfig(text: string, file: string): Imported {
  const { config, missing } = withBase(readConfig(text, file), file);
  const release = config.entries.some(({ key }) => /^algorithm\..*(kl_prcp|(ori|aug)_entropy_loss)/.test(key));
  const defaults = defaultsOf(config.peer, release);
  const draft = new Draft(config, defaults);
  translations[config.peer](draft);
  return {
    peer: config.peer,
    ...(missing === undefined ? {} : { missing }),
    ...runFileText(draft, config.peer, basename(file), defaults.source, missing),
  };
}

/** A script of EasyR1 names the file that its overrides change, relative to the folder of its clone. */
function withBase(config: PeerConfig, file: string): { readonly config: PeerConfig; readonly missing?: string } {
  if (config.base === undefined) return { config };
  const named = config.base;
  const above = (folder: string): string[] =>
    dirname(folder) === folder ? [folder] : [folder, ...above(dirname(folder))];
  const places = [
    ...above(dirname(resolve(file))).map((folder) => resolve(folder, named)),
    resolve(named),
    resolve(dirname(file), basename(named)),
  ];
  const found = places.find((place) => existsSync(place) && statSync(place).isFile());
  if (found === undefined) return { config, missing: named };
  const base = readConfig(readSmallFile(found, configurationBytes), found);
  const own = new Set(config.entries.map(({ key }) => key));
  return {
    config: {
      ...config,
      entries: [
        ...base.entries.filter(({ key }) => !own.has(key)).map((entry) => ({ ...entry, file: basename(found) })),
        ...config.entries,
      ],
    },
  };
}
