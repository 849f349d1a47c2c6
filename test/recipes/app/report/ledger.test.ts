import { expect, test } from "vitest";
import { ledgerOf } from "../../../../recipes/app/report/ledger.ts";
import { rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";

const run = (recipe: string, steps: readonly Record<string, number>[]): RunRecord => ({
  kind: "run",
  name: recipe,
  recipe,
  seed: 1,
  settings: {},
  steps: steps.map((metrics, index) => ({ step: index + 1, metrics })),
  rollouts: rolloutsOf([]),
  alarms: [],
  before: null,
  after: null,
  folder: null,
  problems: [],
});
const step = (norm: number): Record<string, number> => ({
  "loss/papo/perception_kl": 0.5,
  "ledger/papo/perception_kl/weighted": -0.125,
  "ledger/papo/perception_kl/factor": -0.25,
  "ledger/papo/perception_kl/norm": norm,
  "ledger/papo/perception_kl/cosine": 0.25,
  "ledger/papo/perception_kl/share": 0.5,
  "timing/terms/papo/perception_kl": 0.125,
  "timing/terms/VisualDependencyPlugin": 0.5,
});

test("the ledger is the mean of the last ten steps, with a line for a plugin that only has scores computed", () => {
  const [kl, plugin] = ledgerOf([
    run("papo", [
      ...Array.from({ length: 5 }, () => step(100)),
      ...Array.from({ length: 10 }, (_, index) => step(index)),
    ]),
  ]);
  expect(kl).toEqual({
    term: "papo/perception_kl",
    value: 0.5,
    weighted: -0.125,
    factor: -0.25,
    norm: 4.5,
    cosine: 0.25,
    share: 0.5,
    seconds: 0.125,
  });
  expect(plugin).toMatchObject({ term: "VisualDependencyPlugin", norm: null, seconds: 0.5 });
});
