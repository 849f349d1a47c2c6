import { expect, it } from "vitest";
import { StepMetrics } from "../../../core/host/metrics.ts";

it("gives the mean of what was reported since the last call", () => {
  const metrics = new StepMetrics();
  for (const value of [1, 2, 6]) metrics.add("A", "kl", value);
  metrics.add("B", "clipped", 0.5);
  expect(metrics.take()).toEqual({ kl: 3, clipped: 0.5 });
  metrics.add("A", "kl", 10);
  expect(metrics.take()).toEqual({ kl: 10 });
  expect(metrics.take()).toEqual({});
});

it("keeps a name with the plugin that used it first, in later steps too", () => {
  const metrics = new StepMetrics();
  metrics.add("A", "kl", 1);
  metrics.take();
  expect(() => {
    metrics.add("B", "kl", 2);
  }).toThrow(`B reports the metric "kl", which is A's; choose another name`);
  expect(metrics.take()).toEqual({});
});
