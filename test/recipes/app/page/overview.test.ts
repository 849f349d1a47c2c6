import { expect, test } from "vitest";
import { overviewOf, restingRun } from "../../../../recipes/app/page/overview.ts";
import { rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import type { Alarm, RunRecord } from "../../../../recipes/app/report/run-record.ts";

test("a run says how it ended as long as no step came after, and that is no alarm", () => {
  const run = (alarms: readonly Alarm[], step: number): RunRecord => ({
    kind: "run",
    name: "a",
    recipe: "a",
    seed: 1,
    settings: { steps: 9 },
    steps: [{ step, metrics: {} }],
    rollouts: rolloutsOf([]),
    alarms,
    before: null,
    after: null,
    folder: null,
    problems: [],
  });
  const failed: Alarm = {
    kind: "end",
    step: 3,
    message: "failed: Step 4 failed: disk full\nEverything up to step 2 is safe",
  };
  const runs = [
    run([{ kind: "alarm", step: 2, message: "hot" }, failed], 3),
    run([failed], 5),
    run([failed, { kind: "end", step: 3, message: "interrupted" }], 3),
    run([], 3),
  ];
  const overview = overviewOf({
    title: "",
    subtitle: "",
    runs,
    now: runs.map(restingRun),
    settled: { verdicts: [], result: [], errors: [] },
  });
  expect(overview.runs.map(({ ended }) => ended)).toEqual([
    "failed: Step 4 failed: disk full",
    null,
    "interrupted",
    null,
  ]);
  expect(overview.alarms.map(({ message }) => message)).toEqual(["hot"]);
});
