/**
 * How well the collapse detector tells runs apart: `node --import tsx docs/scripts/measure-collapse.ts <runs folder of
 * papo compare> …`.
 *
 * A run has collapsed when the accuracy of its samples, over its last 5 steps, is below 60 % of its best 5 steps. Its
 * onset is the first step after which that mean stays below 80 % of the best. The detector is run over each run's
 * recorded metrics, as it would have been called.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createHost } from "@papo/core";
import { CollapseDetectorPlugin } from "@papo/plugins";
import { readRunFolder } from "../../recipes/app/report/read-run.ts";
import type { RunRecord } from "../../recipes/app/report/run-record.ts";

const WINDOW = 5;

interface Judged {
  readonly label: string;
  readonly collapsed: boolean;
  readonly onset: number | null;
  readonly alarm: number | null;
  readonly accuracy: number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The step of the detector's first alarm, called as a run calls it. */
async function firstAlarm({ steps }: RunRecord): Promise<number | null> {
  const { hooks, events } = createHost([new CollapseDetectorPlugin()], { seed: 1 });
  const alarms: number[] = [];
  events.on("alarm", ({ step }) => alarms.push(step));
  for (const { step, metrics } of steps) await hooks.stepped.promise({ step, steps: steps.length, metrics });
  return alarms[0] ?? null;
}

async function judge(run: RunRecord, label: string): Promise<Judged> {
  const accuracies = run.steps.map(({ metrics }) => metrics["reward/part/accuracy"] ?? 0);
  const windows = accuracies
    .map((_, index) => mean(accuracies.slice(Math.max(0, index + 1 - WINDOW), index + 1)))
    .slice(WINDOW - 1);
  const best = Math.max(...windows);
  const collapsed = windows.at(-1)! < 0.6 * best;
  const lastGood = windows.findLastIndex((value) => value >= 0.8 * best);
  const alarm = await firstAlarm(run);
  return {
    label,
    collapsed,
    onset: collapsed ? run.steps[lastGood + WINDOW]!.step : null,
    alarm,
    accuracy: run.after?.accuracy.overall.accuracy ?? Number.NaN,
  };
}

const runs = await Promise.all(
  process.argv
    .slice(2)
    .flatMap((folder) =>
      readdirSync(folder).map((name) => judge(readRunFolder(join(folder, name), { name }), name.replace(/-\d+$/, ""))),
    ),
);
const [acting, watched] = [
  runs.filter(({ label }) => label.includes("onCollapse")),
  runs.filter(({ label }) => !label.includes("onCollapse")),
];
const healthy = watched.filter(({ collapsed }) => !collapsed);
const collapsing = watched.filter(({ collapsed }) => collapsed);
const delays = collapsing.flatMap(({ alarm, onset }) => (alarm === null ? [] : [alarm - onset!])).sort((a, b) => a - b);

console.log(
  `healthy: ${healthy.length} runs of ${new Set(healthy.map(({ label }) => label)).size} recipes, ${healthy.filter(({ alarm }) => alarm !== null).length} with an alarm`,
);
for (const { label, alarm } of healthy) if (alarm !== null) console.log(`  ${label}: alarm in step ${alarm}`);
console.log(
  `collapsing: ${collapsing.length} runs, ${delays.length} with an alarm, steps from onset to alarm: median ${delays[Math.floor(delays.length / 2)]}, ${delays[0]} to ${delays.at(-1)}`,
);
for (const { label, onset, alarm, accuracy } of collapsing)
  console.log(
    `  ${label}: onset ${onset}, alarm ${alarm ?? "none"}, greedy afterwards ${(100 * accuracy).toFixed(1)} %`,
  );
for (const label of new Set([...collapsing, ...acting].map((run) => run.label))) {
  const own = runs.filter((run) => run.label === label);
  const values = own.map(({ accuracy }) => 100 * accuracy);
  console.log(
    `${label}: greedy accuracy ${mean(values).toFixed(1)} % [${Math.min(...values).toFixed(1)}, ${Math.max(...values).toFixed(1)}] over ${own.length} runs`,
  );
}
