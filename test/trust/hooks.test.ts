import { expect, test } from "vitest";
import { hookFaults, hookNames, tryHook, tryPlace } from "../support/hook-faults.ts";
import { registeredPlaces } from "../support/registered-faults.ts";

const faults = Object.keys(hookFaults);

// Every fault of every hook and of every registered function is what `npm run soak -- hooks` tries.
test.each(hookNames.map((hook, index) => [hook, faults[index % faults.length]!] as const))(
  "a tap of %s with the fault: %s",
  async (hook, fault) => {
    expect((await tryHook(hook, fault)).loss).toBeNull();
  },
  60_000,
);

test.each(registeredPlaces.map((place, index) => [place.name, faults[(index + 2) % faults.length]!, place] as const))(
  "%s with the fault: %s",
  async (_, fault, place) => {
    expect((await tryPlace(place, fault)).loss).toBeNull();
  },
  60_000,
);
