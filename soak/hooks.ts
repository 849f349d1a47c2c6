/** Every hook with every fault that a tap may have, each in a run of its own that goes on after it. */
import { tally, type Result } from "./part.ts";
import { hookFaults, hookNames, tryHook } from "../test/support/hook-faults.ts";

export async function hooks(): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const hook of hookNames) {
    const losses: string[] = [];
    let told = 0;
    for (const fault of Object.keys(hookFaults)) {
      const { error, loss } = await tryHook(hook, fault);
      if (error !== null) told++;
      if (loss !== null) losses.push(loss);
      else console.log(`   ${hook}, ${fault}: ${error?.split("\n")[0] ?? "as good as another result"}`);
    }
    results.push(tally(`hook ${hook} × ${Object.keys(hookFaults).join(", ")}`.slice(0, 70), Object.keys(hookFaults).length, losses, `${told} told by plugin and hook`));
  }
  return results;
}
