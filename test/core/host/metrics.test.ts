import { expect, it } from "vitest";
import { StepMetrics } from "../../../core/host/metrics.ts";

it("gives the mean of what was reported since the last call", () => {
  const metrics = new StepMetrics(() => undefined);
  for (const value of [1, 2, 6]) metrics.add("A", "kl", value);
  metrics.add("B", "clipped", 0.5);
  expect(metrics.take()).toEqual({ kl: 3, clipped: 0.5 });
  metrics.add("A", "kl", 10);
  expect(metrics.take()).toEqual({ kl: 10 });
  expect(metrics.take()).toEqual({});
});

it("keeps a name with the plugin that used it first, in later steps too", () => {
  const metrics = new StepMetrics(() => undefined);
  metrics.add("A", "kl", 1);
  metrics.take();
  expect(() => {
    metrics.add("B", "kl", 2);
  }).toThrow(`B reports the metric "kl", which is A's; choose another name`);
  expect(metrics.take()).toEqual({});
});

it.each([
  ["loss/mine", 1, 'A reports the metric "loss/mine", and "loss/" is the pipeline\'s own; choose another name'],
  ["reward/mean", 1, 'A reports the metric "reward/mean", and "reward/mean" is the pipeline\'s own'],
  ["coefficient/papo/gamma", 1, '"coefficient/" is the pipeline\'s own'],
  ["", 1, 'A reports a metric whose name is the text ""'],
  ["kl", "high", 'A reports the text "high" as the metric "kl"; it must be a number'],
  ["kl", undefined, 'A reports nothing as the metric "kl"'],
])("refuses %j of %j", (name, value, message) => {
  expect(() => new StepMetrics(() => undefined).add("A", name, value as number)).toThrow(message);
});

it("leaves out what is not finite, and says whose it is", () => {
  const told: string[] = [];
  const metrics = new StepMetrics((plugin, message) => told.push(`${plugin} ${message}`));
  for (const value of [1, NaN, 3, Infinity]) metrics.add("A", "kl", value);
  expect(metrics.take()).toEqual({ kl: 2 });
  expect(told).toEqual([
    'A reports NaN as the metric "kl": such values are left out of its mean',
    'A reports Infinity as the metric "kl": such values are left out of its mean',
  ]);
});
