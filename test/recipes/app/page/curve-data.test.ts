import { expect, test } from "vitest";
import { curvesOf } from "../../../../recipes/app/page/curve-data.ts";
import { keysOf, metricNamesOf } from "../../../../recipes/app/page/overview.ts";
import { metricHeads } from "../../../../recipes/app/page/metrics.ts";

const run = (count: number, metricsOf: (step: number) => Record<string, number>) => ({
  steps: Array.from({ length: count }, (_, at) => ({ step: at + 1, metrics: metricsOf(at + 1) })),
});
const all = { from: null, to: null };

test("few steps are drawn as they are", () => {
  const runs = [run(3, (step) => ({ "reward/mean": step / 3, ...(step === 2 ? {} : { other: Number.NaN }) }))];
  expect(
    curvesOf(runs, keysOf(runs), { metrics: ["headline/reward", "other", "missing"], ...all, points: 400 }),
  ).toEqual({
    bucket: 1,
    curves: [{ run: 0, metric: "headline/reward", steps: [1, 2, 3], mean: [0.3333, 0.6667, 1] }],
  });
});

test("many steps become buckets with lowest, mean and highest, the same for all runs; no spike is lost", () => {
  const runs = [run(10_000, (step) => ({ a: step === 4321 ? 1000 : step % 2 })), run(5000, () => ({ a: 5 }))];
  const {
    bucket,
    curves: [first, second],
  } = curvesOf(runs, keysOf(runs), { metrics: ["a"], ...all, points: 400 });
  expect(bucket).toBe(25);
  expect([first!.steps.length, second!.steps.length]).toEqual([400, 200]);
  expect(first!.steps.slice(0, 3)).toEqual([25, 50, 75]);
  expect(second!.steps).toEqual(first!.steps.slice(0, 200));
  expect(Math.max(...(first!.high as number[]))).toBe(1000);
  expect(first!.mean[0]).toBe(0.52);
  expect([second!.low![7], second!.mean[7], second!.high![7]]).toEqual([5, 5, 5]);
  // Zoomed in, every step again.
  const near = curvesOf(runs, keysOf(runs), { metrics: ["a"], from: 4300, to: 4399, points: 400 });
  expect([near.bucket, near.curves[0]!.steps.length, near.curves[0]!.mean[21]]).toEqual([1, 100, 1000]);
});

test("a headline stands for whatever a run calls it, and every metric says what it is and which way is good", () => {
  const runs = [
    run(2, () => ({ "papo/perception_kl": 0.1, "loss/x": 1, "apo/kl_weight": 1, mystery: 1 })),
    run(2, () => ({ "observe/perception_kl": 0.2, "papo/perception_kl": 0.3 })),
  ];
  const keys = keysOf(runs);
  const { curves } = curvesOf(runs, keys, { metrics: ["headline/perceptionKl"], ...all, points: 10 });
  expect(curves.map(({ mean }) => mean)).toEqual([
    [0.1, 0.1],
    [0.2, 0.2],
  ]);
  const heads = metricHeads(runs.map(metricNamesOf), keys);
  expect(heads[0]).toMatchObject({
    key: "headline/perceptionKl",
    names: "papo/perception_kl, observe/perception_kl",
    better: "up",
    unit: "nats per token",
    shown: true,
  });
  expect(heads.map(({ key }) => key)).toEqual([
    "headline/perceptionKl",
    "loss/x",
    "apo/kl_weight",
    "mystery",
    "papo/perception_kl",
  ]);
  expect(heads.find(({ key }) => key === "apo/kl_weight")!.about).toBe("the mean weight over tokens");
  for (const { about } of heads) expect(about).not.toBe("");
});
