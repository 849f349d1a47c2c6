import { expect, it } from "vitest";
import { headlineMetrics } from "../../../../recipes/app/report/headline.ts";

it("finds headlines among a run's names, measured values before terms of the loss", () => {
  const names = [
    "coefficient/papo/entropy",
    "coefficient/papo/perception_kl",
    "loss/papo/perception_kl",
    "loss/papo/entropy",
    "papo/perception_kl",
    "papo/entropy_masked",
    "papo/entropy",
    "rollout/entropy",
    "ledger/papo/perception_kl/weighted",
    "ledger/papo/entropy_masked/norm",
    "reward/part/format",
    "reward/part/accuracy",
    "reward/mean",
    "rollout/length",
    "learner/gradient_norm",
    "policy/clip_low",
    "policy/clip_high",
    "evaluation/average",
    "evaluation/visual_dependence",
    "timing/tokens_per_second",
  ];
  expect(Object.fromEntries(headlineMetrics(names))).toEqual({
    reward: "reward/mean",
    accuracy: "reward/part/accuracy",
    perceptionKl: "papo/perception_kl",
    entropy: "rollout/entropy",
    maskedEntropy: "papo/entropy_masked",
    length: "rollout/length",
    clip: "policy/clip_high",
    evaluation: "evaluation/average",
    visualDependence: "evaluation/visual_dependence",
    gradientNorm: "learner/gradient_norm",
    speed: "timing/tokens_per_second",
  });
});

it("leaves a headline out rather than showing another quantity", () => {
  expect([...headlineMetrics(["papo/entropy_masked", "reward/part/format"]).keys()]).toEqual(["maskedEntropy"]);
  // A term's part of the loss is −γ·KL, and a metric of somebody's own plugin is theirs.
  expect([
    ...headlineMetrics([
      "ledger/papo/perception_kl/weighted",
      "loss/papo/perception_kl",
      "mine/perception_kl",
      "loss/papo/entropy",
      "clip",
      "gradient",
    ]).keys(),
  ]).toEqual([]);
});
