/**
 * Every hook, and every function that a plugin registers, with every fault that it may have, each in a run of its own
 * that goes on after it.
 */
import { tally, type Result } from "./part.ts";
import { hookFaults, hookNames, tryHook, tryPlace, type HookOutcome } from "../test/support/hook-faults.ts";
import { registeredPlaces } from "../test/support/registered-faults.ts";

export async function hooks(): Promise<readonly Result[]> {
  const results: Result[] = [];
  const tried = [
    ...hookNames.map((hook) => ({ name: `hook ${hook}`, attempt: (fault: string) => tryHook(hook, fault) })),
    ...registeredPlaces.map((place) => ({ name: place.name, attempt: (fault: string) => tryPlace(place, fault) })),
  ];
  for (const { name, attempt } of tried) results.push(await withEachFault(name, attempt));
  return results;
}

async function withEachFault(name: string, attempt: (fault: string) => Promise<HookOutcome>): Promise<Result> {
  const losses: string[] = [];
  let told = 0;
  for (const fault of Object.keys(hookFaults)) {
    const { error, loss } = await attempt(fault);
    if (error !== null) told++;
    if (loss !== null) losses.push(loss);
    else console.log(`   ${name}, ${fault}: ${error?.split("\n")[0] ?? "as good as another result"}`);
  }
  return tally(
    `${name} × ${Object.keys(hookFaults).join(", ")}`.slice(0, 70),
    Object.keys(hookFaults).length,
    losses,
    `${told} told by plugin and function`,
  );
}
