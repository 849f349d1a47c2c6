/** What to write here for an option's name in TRL, verl or EasyR1. */
import { adviseOnNames } from "@papo/core";
import { counterparts, peers, type Counterpart, type Peer } from "./counterparts.ts";

/**
 * "kl_coef" and "rollout.n" name "algorithm.kl_coef" and "actor_rollout_ref.rollout.n"; case and dashes do not count.
 */
function isNamed(full: string, written: string): boolean {
  const [name, end] = [full, written].map((text) => text.toLowerCase().replaceAll("-", "_")) as [string, string];
  return name === end || name.endsWith(`.${end}`);
}

/** Those who call an option so. */
const callersOf = ({ names }: Counterpart, written: string): string[] =>
  (Object.keys(peers) as Peer[])
    .filter((peer) => names[peer]?.some((full) => isNamed(full, written)) === true)
    .map((peer) => peers[peer]);

/** Options that a peer has under this name, with the peers who do. */
export function namedByPeers(
  written: string,
): { readonly counterpart: Counterpart; readonly callers: readonly string[] }[] {
  return counterparts
    .map((counterpart) => ({ counterpart, callers: callersOf(counterpart, written) }))
    .filter(({ callers }) => callers.length > 0);
}

/** As somebody would write it in the options of `owner`, or on the command line for the owner "--set". */
function spelled({ here, recipe }: Counterpart, owner: string): string {
  const [holder, ...path] = here.split(".");
  if (owner === "--set")
    return `--set ${holder === "settings" ? here : holder === "run" ? path.join(".") : `plugins.${here}`}=…`;
  if (holder === "settings") return owner === "RunSettings" ? `"${path.join(".")}"` : `"settings.${path.join(".")}"`;
  if (holder === "run") return `the run file's "${path.join(".")}"`;
  const [, function_, option] = /^(\w+)\(\{ (\w+)/.exec(recipe ?? "") ?? [];
  if (holder === owner || function_ === owner) return `"${holder === owner ? path.join(".") : option!}"`;
  return recipe ?? `new ${holder}({ ${path.join(".")} })`;
}

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)!}`;

/** Answers to "did you mean …?", with who calls it so. */
export const adviceOnPeerName = (written: string, owner: string): string[] =>
  namedByPeers(written).map(
    ({ counterpart, callers }) => `${spelled(counterpart, owner)} (${written} of ${listed(callers)})`,
  );

adviseOnNames(adviceOnPeerName);
