import { expect, test } from "vitest";
import { createHost, type JudgedGroup } from "@papo/core";
import { PriorProbePlugin } from "../../../../../recipes/app/tasks/shortcut/prior-probe.ts";

test("tells right answers apart by whether the prior is right, and counts who follows it", async () => {
  const host = createHost([new PriorProbePlugin()], { seed: 1 });
  const sample = (prior: string, answer: string, accuracy: number) => ({
    prompt: { row: { fields: { prior, suggested: "3" } } },
    response: { segments: [{ source: "policy", text: `<think> </think> \\boxed{ ${answer} }` }] },
    parts: { accuracy },
  });
  const group = {
    prompt: { row: { id: "a" } },
    samples: [sample("wrong", "3", 0), sample("wrong", "4", 1), sample("wrong", "5", 0), sample("right", "3", 1)],
  } as unknown as JudgedGroup;
  expect(await host.hooks.rewards.promise([1, 2, 3, 4], group)).toEqual([1, 2, 3, 4]);
  const metrics = host.takeMetrics();
  expect(metrics["shortcut/accuracy_prior_wrong"]).toBeCloseTo(1 / 3, 12);
  expect([metrics["shortcut/accuracy_prior_right"], metrics["shortcut/followed"]]).toEqual([1, 0.5]);
  expect(metrics["shortcut/fooled"]).toBeCloseTo(1 / 3, 12);
});
