import { expect, test } from "vitest";
import { hookFaults, hookNames, tryHook } from "../support/hook-faults.ts";

const faults = Object.keys(hookFaults);

// Every fault of every hook is what `npm run soak -- hooks` tries.
test.each(hookNames.map((hook, index) => [hook, faults[index % faults.length]!] as const))("a tap of %s with the fault: %s", async (hook, fault) => {
  expect((await tryHook(hook, fault)).loss).toBeNull();
}, 60_000);
