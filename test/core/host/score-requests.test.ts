import { expect, it } from "vitest";
import { Coefficients } from "../../../core/host/coefficients.ts";
import { createHooks } from "../../../core/contracts/hooks.ts";
import { describeScore, ScoreRequests } from "../../../core/host/score-requests.ts";
import { isActive, type ScoreRequest } from "../../../core/contracts/registered/scores.ts";
import type { View } from "../../../core/contracts/registered/views.ts";

it("computes an array once for all who ask for it, with the gradient if one wants it", () => {
  const scores = new ScoreRequests();
  const first = scores.request("A", { view: "masked", weights: "current" });
  const second = scores.request("B", { view: "masked", weights: "current", gradient: true });
  scores.request("B", { weights: "reference" });
  expect([first.key, second.key, second.plugin]).toEqual(["masked/current/logProbs", "masked/current/logProbs", "A"]);
  expect(scores.planned()).toEqual([
    {
      key: "masked/current/logProbs",
      view: "masked",
      weights: "current",
      output: "logProbs",
      against: null,
      stage: "experience",
      target: null,
      share: 1,
      gradient: true,
      plugins: ["A", "B"],
      active: true,
    },
    {
      key: "original/reference/logProbs",
      view: "original",
      weights: "reference",
      output: "logProbs",
      against: null,
      stage: "experience",
      target: null,
      share: 1,
      gradient: false,
      plugins: ["B"],
      active: true,
    },
  ]);
});

it("scores the largest share of the responses that is asked for, and none where a gradient is wanted", () => {
  const scores = new ScoreRequests();
  scores.request("A", { view: "masked", weights: "old", share: 0.25 });
  expect(scores.planned()[0]!.share).toBe(0.25);
  expect(describeScore(scores.planned()[0]!)).toContain("25 % of each prompt's responses");
  scores.request("B", { view: "masked", weights: "old", share: 0.5 });
  expect(scores.planned()[0]!.share).toBe(0.5);
  expect(() => scores.request("C", { view: "masked", weights: "current", gradient: true, share: 0.5 })).toThrow(
    "C asks for a share of the responses with a gradient",
  );
  expect(() => scores.request("C", { weights: "old", stage: "rewards", share: 0.5 })).toThrow(
    'a share of the responses in the stage "rewards"',
  );
  expect(() => scores.request("C", { weights: "old", share: 0 })).toThrow("a share of 0 of the responses");
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
    expect(() => scores.request("A", { weights, gradient: true })).toThrow(
      `A asks for a gradient through the ${weights} weights`,
    );
  }
  expect(scores.planned()).toEqual([]);
});

const viewsOf = (...names: string[]) => new Map(names.map((name) => [name, { name }]));

it("keeps what is asked for before rewards apart, with its target", () => {
  const scores = new ScoreRequests();
  const target = { name: "answer", of: () => ({ given: 0, tokens: new Int32Array(0) }) };
  const own = scores.request("A", { weights: "old", stage: "rewards" });
  const answer = scores.request("A", { weights: "slow", stage: "rewards", target });
  expect([own.key, answer.key]).toEqual(["original/old/logProbs", "original/slow/logProbs/answer"]);
  expect(scores.planned()).toEqual([]);
  expect(scores.planned("rewards").map(describeScore)).toEqual([
    'logProbs of the view "original" under the old weights, for every response, before rewards, no gradient, for A',
    'logProbs on the tokens "answer" of the view "original" under the slow weights, for every response, before rewards, no gradient, for A',
  ]);
  expect(() => scores.request("B", { weights: "slow", stage: "rewards", target })).toThrow(
    'B names a target "answer", as A does',
  );
  expect(() => scores.request("B", { weights: "current", target })).toThrow(
    'B asks for the target "answer" in the experience; targets are scored in the stage "rewards"',
  );
  expect(() => scores.request("B", { weights: "current", stage: "rewards", gradient: true })).toThrow(
    'B asks for a gradient through scores of the stage "rewards"',
  );
  expect(() => {
    scores.checkWeights([]);
  }).toThrow('A asks for the weights "slow", and no plugin registers such a copy; there are current, old, reference');
  expect(() => {
    scores.checkWeights(["slow"]);
  }).not.toThrow();
});

it("refuses a view before rewards that is made for single responses after them", () => {
  const scores = new ScoreRequests();
  scores.request("A", { view: "own", weights: "old", stage: "rewards" });
  expect(() => {
    scores.checkViews(new Map([["own", { name: "own", scope: "response" as const }]]), []);
  }).toThrow('A asks for the view "own" before rewards');
});

it("names who asks for a view that is neither registered nor given", () => {
  const scores = new ScoreRequests();
  scores.request("A", { view: "masked", weights: "current", hint: "list a mask" });
  scores.request("B", { view: "noisy", weights: "current" });
  expect(() => {
    scores.checkViews(viewsOf("noisy"), []);
  }).toThrow(
    'A asks for the view "masked", and no plugin registers it: list a mask (registered are "original", "noisy")',
  );
  expect(() => {
    scores.checkViews(viewsOf("masked"), []);
  }).toThrow('B asks for the view "noisy", and no plugin registers it: list a plugin that registers it');
  expect(() => {
    scores.checkViews(viewsOf("masked"), ["noisy"]);
  }).not.toThrow();
});

it("names a divergence with what it is from, and refuses one from nothing, or from weights that are gone", () => {
  const scores = new ScoreRequests();
  const handle = scores.request("A", { weights: "current", output: "jsd", gradient: true, against: { view: "noisy" } });
  expect(handle.key).toBe("original/current/jsd(noisy current)");
  expect(scores.request("A", { weights: "old", output: "kl", against: { weights: "reference" } }).key).toBe(
    "original/old/kl(original reference)",
  );
  expect(describeScore(scores.planned()[0]!)).toBe(
    'jsd of the view "original" under the current weights, from that of the view "noisy" under the current weights, for each minibatch, with gradient, for A',
  );
  const asks = (request: Parameters<typeof scores.request>[1]) => () => scores.request("B", request);
  expect(asks({ weights: "old", output: "jsd" })).toThrow(
    "B asks for jsd and does not say of what; add against: { view, weights }",
  );
  expect(asks({ weights: "old", output: "entropy", against: {} })).toThrow(
    "B asks for entropy against something; only kl, reverseKl and jsd compare two distributions",
  );
  expect(asks({ weights: "current", output: "kl", against: { weights: "old" } })).toThrow(
    "the old ones, which are gone after the first update",
  );
  expect(asks({ weights: "reference", output: "kl", against: { weights: "current" } })).toThrow(
    'before the first update these are called "old"',
  );
  expect(asks({ weights: "old", output: "kl", stage: "rewards", against: {} })).toThrow(
    'B asks for kl in the stage "rewards"',
  );
  expect(() => scores.checkViews(new Map(), [])).toThrow('A asks for the view "noisy", and no plugin registers it');
  const others = new ScoreRequests();
  others.request("A", { weights: "old", output: "kl", against: { weights: "slow" } });
  expect(() => others.checkWeights([])).toThrow('A asks for the weights "slow", and no plugin registers such a copy');
});

it("names outputs of attention by their layers and heads, once for all who ask for the same", () => {
  const scores = new ScoreRequests();
  const first = scores.request("A", { weights: "current", output: "pictureAttention", layers: [5, -1, 5] });
  const second = scores.request("B", {
    weights: "current",
    output: "pictureAttention",
    layers: [-1, 5],
    gradient: true,
  });
  scores.request("B", { weights: "current", output: "pictureAttention", layers: "all", heads: [2, 0] });
  expect([first.key, second.key]).toEqual([
    "original/current/pictureAttention(-1,5)",
    "original/current/pictureAttention(-1,5)",
  ]);
  expect(scores.planned().map(({ output, gradient }) => [output, gradient])).toEqual([
    ["pictureAttention(-1,5)", true],
    ["pictureAttention(all;0,2)", false],
  ]);
});

it("refuses outputs of attention without layers, and layers of other outputs", () => {
  const scores = new ScoreRequests();
  expect(() => scores.request("A", { weights: "old", output: "pictureAlignment" })).toThrow(
    'A asks for pictureAlignment and does not say of which layers; add layers: [-1] for the last, or "all"',
  );
  expect(() => scores.request("A", { weights: "old", output: "entropy", layers: [0] })).toThrow(
    "A asks for entropy of some layers or heads; only pictureAttention and pictureAlignment have them",
  );
  expect(() => scores.request("A", { weights: "old", heads: [0] })).toThrow(
    "A asks for logProbs of some layers or heads",
  );
});

it("refuses a gradient through a view that changes values, and its attention to the picture", () => {
  const views = new Map<string, View>([["changed", { name: "changed", values: { deviations: 2 } }]]);
  const check = (request: Omit<ScoreRequest, "view">) => () => {
    const scores = new ScoreRequests();
    scores.request("A", { view: "changed", ...request });
    scores.checkViews(views, []);
  };
  expect(check({ weights: "current", gradient: true })).toThrow(
    'A asks for a gradient through the view "changed", which changes values inside the decoder',
  );
  expect(check({ weights: "old", output: "pictureAttention", layers: [0] })).toThrow(
    'A asks for the attention to the picture of the view "changed"',
  );
  expect(check({ weights: "old", output: "pictureAlignment", layers: [0] })).not.toThrow();
  expect(check({ weights: "current" })).not.toThrow();
});
