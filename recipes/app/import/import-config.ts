/** A peer's configuration as a run file. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Peer } from "../../run-file/peers/counterparts.ts";
import { Draft, type Note } from "./draft.ts";
import { readConfig, type PeerConfig } from "./read-config.ts";
import { runFileText } from "./run-file-text.ts";
import { fromTrl } from "./trl.ts";
import { fromEasyR1, fromVerl } from "./verl.ts";

export interface Imported {
  readonly peer: Peer;
  readonly text: string;
  readonly left: readonly Note[];
}

const translations = { trl: fromTrl, verl: fromVerl, easyr1: fromEasyR1 };

/** @throws Error where the text is no configuration that is known here */
export function importConfig(text: string, file: string): Imported {
  const config = withBase(readConfig(text, file), text, file);
  const draft = new Draft(config);
  translations[config.peer](draft);
  return { peer: config.peer, ...runFileText(draft, config.peer, basename(file)) };
}

/** A script of EasyR1 names the file that its overrides change. */
function withBase(config: PeerConfig, text: string, file: string): PeerConfig {
  const named = /(?:^|\s)config=(\S+)/.exec(text)?.[1];
  if (config.peer !== "easyr1" || named === undefined) return config;
  const places = [named, resolve(dirname(file), named), resolve(dirname(file), "..", named), resolve(dirname(file), basename(named))];
  const found = places.find((place) => existsSync(place));
  if (found === undefined) return config;
  const base = readConfig(readFileSync(found, "utf8"), found);
  const own = new Set(config.entries.map(({ key }) => key));
  return { ...config, entries: [...base.entries.filter(({ key }) => !own.has(key)).map((entry) => ({ ...entry, file: basename(found) })), ...config.entries] };
}
