import { createHost, type Plugin, type Run } from "@papo/core";
import { CounterfactualViewPlugin, PerceptionKlPlugin } from "@papo/plugins";
import { expect, test } from "vitest";

class SamplingPlugin implements Plugin {
  readonly name = "SamplingPlugin";

  apply({ hooks }: Run): void {
    hooks.rollout.tap(this.name, (plan) => ({ ...plan, shares: [{ view: "counterfactual", count: 2 }] }));
  }
}

test("registers a view that changes values, which PAPO's term moves away from and nothing is sampled from", () => {
  const host = createHost(
    [
      new CounterfactualViewPlugin({ deviations: 1 }),
      new PerceptionKlPlugin({ view: "counterfactual", coefficient: 0.02 }),
      new SamplingPlugin(),
    ],
    { seed: 1 },
  );
  expect(host.views.get("counterfactual")).toEqual({ name: "counterfactual", values: { deviations: 1 } });
  expect(host.scores().map(({ key, gradient }) => [key, gradient])).toEqual([["counterfactual/old/logProbs", false]]);
  host.beginStep({ step: 1, steps: 2 });
  expect(() =>
    host.hooks.rollout.call({ shares: [{ view: "original", count: 2 }], maxNewTokens: 4 }, { step: 1, steps: 2 }),
  ).toThrow("views that can be sampled from are original");
});

test("a gradient through it is refused before the run", () => {
  expect(() =>
    createHost([new CounterfactualViewPlugin(), new PerceptionKlPlugin({ view: "counterfactual", mode: "paper" })], {
      seed: 1,
    }),
  ).toThrow("such views are scored without one");
});
