import { expect, it } from "vitest";
import { headlineMetrics } from "../../../recipes/report/headline.ts";

it("finds headlines among a run's names, measured values before terms of the loss", () => {
  const names = [
    "coefficient/papo/entropy", "coefficient/papo/perception_kl",
    "loss/papo/perception_kl", "loss/papo/entropy", "papo/perception_kl", "papo/masked_entropy", "papo/entropy", "rollout/entropy",
    "reward/part/format", "reward/part/accuracy", "reward/mean", "rollout/length_max", "rollout/length_mean", "learner/gradient_norm", "policy/clip_fraction", "evaluation/average", "evaluation/visual_dependence",
  ];
  expect(Object.fromEntries(headlineMetrics(names))).toEqual({
    reward: "reward/mean",
    accuracy: "reward/part/accuracy",
    perceptionKl: "papo/perception_kl",
    entropy: "rollout/entropy",
    maskedEntropy: "papo/masked_entropy",
    length: "rollout/length_mean",
    clip: "policy/clip_fraction",
    evaluation: "evaluation/average",
    visualDependence: "evaluation/visual_dependence",
    gradientNorm: "learner/gradient_norm",
  });
});

it("leaves a headline out rather than showing another quantity", () => {
  expect([...headlineMetrics(["papo/masked_entropy", "reward/part/format"]).keys()]).toEqual(["maskedEntropy"]);
});
