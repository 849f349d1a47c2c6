import { expect, it } from "vitest";
import { Coefficients } from "../../../core/host/coefficients.ts";
import { createHooks } from "../../../core/pipeline/hooks.ts";
import { describeScore, isActive, ScoreRequests } from "../../../core/pipeline/scores.ts";

it("computes an array once for all who ask for it, with the gradient if one wants it", () => {
  const scores = new ScoreRequests();
  const first = scores.request("A", { view: "masked", weights: "current" });
  const second = scores.request("B", { view: "masked", weights: "current", gradient: true });
  scores.request("B", { weights: "reference" });
  expect([first.key, second.key, second.plugin]).toEqual(["masked/current/logProbs", "masked/current/logProbs", "A"]);
  expect(scores.planned()).toEqual([
    { key: "masked/current/logProbs", view: "masked", weights: "current", output: "logProbs", gradient: true, plugins: ["A", "B"], active: true },
    { key: "original/reference/logProbs", view: "original", weights: "reference", output: "logProbs", gradient: false, plugins: ["B"], active: true },
  ]);
});

it("plans nothing for the arrays that every step has", () => {
  const scores = new ScoreRequests();
  scores.request("A", { weights: "current", gradient: true });
  scores.request("A", { weights: "old" });
  scores.request("A", { weights: "old", output: "entropy" });
  expect(scores.planned().map(({ key }) => key)).toEqual(["original/old/entropy"]);
});

it("follows the coefficient it is bound to, array and gradient alike", () => {
  const { coefficient } = createHooks();
  coefficient.tap("off", (value, { name, step }) => (name === "gamma" && step > 1 ? 0 : value));
  const coefficients = new Coefficients();
  const [gamma, eta] = [coefficients.declare("A", "gamma", 1), coefficients.declare("B", "eta", 1)];
  const scores = new ScoreRequests();
  const withGradient = scores.request("A", { view: "masked", weights: "current", gradient: true, while: gamma });
  expect(scores.planned()[0]).toMatchObject({ gradient: true, active: true });
  coefficients.refresh(coefficient, { step: 2, steps: 2 });
  expect(isActive(withGradient)).toBe(false);
  expect(scores.planned()[0]).toMatchObject({ gradient: false, active: false });
  expect(describeScore(scores.planned()[0]!)).toBe(
    'logProbs of the view "masked" under the current weights, for each minibatch, no gradient, for A (off while its coefficient is 0)',
  );
  scores.request("B", { view: "masked", weights: "current", while: eta });
  expect(scores.planned()[0]).toMatchObject({ gradient: false, active: true, plugins: ["A", "B"] });
});

it("refuses a gradient through weights that are not trained", () => {
  const scores = new ScoreRequests();
  for (const weights of ["old", "reference"] as const) {
    expect(() => scores.request("A", { weights, gradient: true })).toThrow(`A asks for a gradient through the ${weights} weights`);
  }
  expect(scores.planned()).toEqual([]);
});

it("names who asks for a view that is neither registered nor given", () => {
  const scores = new ScoreRequests();
  scores.request("A", { view: "masked", weights: "current", hint: "list a mask" });
  scores.request("B", { view: "noisy", weights: "current" });
  expect(() => { scores.checkViews(["noisy"], []); }).toThrow(
    'A asks for the view "masked", and no plugin registers it: list a mask (registered are "original", "noisy")',
  );
  expect(() => { scores.checkViews(["masked"], []); }).toThrow('B asks for the view "noisy", and no plugin registers it: list a plugin that registers it');
  expect(() => { scores.checkViews(["masked"], ["noisy"]); }).not.toThrow();
});
