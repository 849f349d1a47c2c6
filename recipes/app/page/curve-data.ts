/**
 * Curves of the runs, as many points as a screen can show: lowest, mean and highest of buckets of steps that are the
 * same for all runs.
 */
import type { RunRecord, StepRecord } from "../report/run-record.ts";
import { short, type Curve, type CurveRequest, type Curves } from "./contract.ts";
import type { MetricKeys } from "./metrics.ts";

/** @param keys what each run calls a metric, run by run */
export function curvesOf(
  runs: readonly Pick<RunRecord, "steps">[],
  keys: readonly MetricKeys[],
  { metrics, from, to, points }: CurveRequest,
): Curves {
  const shown = runs.map(({ steps }) =>
    steps.filter(({ step }) => (from === null || step >= from) && (to === null || step <= to)),
  );
  const ends = shown.flatMap((steps) => (steps.length === 0 ? [] : [steps[0]!.step, steps.at(-1)!.step]));
  if (ends.length === 0) return { bucket: 1, curves: [] };
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  const bucket = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, points)));
  const curves = shown.flatMap((steps, run) =>
    metrics.flatMap((metric) => {
      const name = keys[run]?.nameOf(metric);
      return name === undefined ? [] : curveOf(steps, name, first, bucket).map((curve) => ({ run, metric, ...curve }));
    }),
  );
  return { bucket, curves };
}

/** None where no step has the metric. Numbers that are not finite are left out. */
function curveOf(
  records: readonly StepRecord[],
  name: string,
  first: number,
  bucket: number,
): Omit<Curve, "run" | "metric">[] {
  const buckets: { readonly index: number; step: number; readonly values: number[] }[] = [];
  for (const { step, metrics } of records) {
    const value = metrics[name];
    if (value === undefined || !Number.isFinite(value)) continue;
    const index = Math.floor((step - first) / bucket);
    const current = buckets.at(-1);
    if (current?.index === index) {
      current.step = step;
      current.values.push(value);
    } else {
      buckets.push({ index, step, values: [value] });
    }
  }
  if (buckets.length === 0) return [];
  const over = (of: (values: readonly number[]) => number): (number | null)[] =>
    buckets.map(({ values }) => short(of(values)));
  const curve = {
    steps: buckets.map(({ step }) => step),
    mean: over((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
  };
  return [
    bucket === 1
      ? curve
      : { ...curve, low: over((values) => Math.min(...values)), high: over((values) => Math.max(...values)) },
  ];
}
