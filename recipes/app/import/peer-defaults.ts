/**
 * What each peer does where a configuration is silent, out of its released sources
 * (test/golden/scripts/make_peer_defaults.py).
 */
import { readFileSync } from "node:fs";
import type { Peer } from "../../run-file/peers/counterparts.ts";

export interface Defaults {
  /** Name and version or commit. */
  readonly source: string;
  /** By full name, as in a configuration. */
  readonly options: Readonly<Record<string, unknown>>;
}

const defaults = JSON.parse(readFileSync(new URL("peer-defaults.json", import.meta.url), "utf8")) as Record<
  Peer | "papo",
  Defaults
>;

/** @param release whether it is a configuration of PAPO's release, an EasyR1 with a perception term */
export const defaultsOf = (peer: Peer, release: boolean): Defaults => defaults[release ? "papo" : peer];
