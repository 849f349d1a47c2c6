import type { Plugin } from "@papo/core";
import * as everything from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { testPlugin } from "./plugin-contract.ts";

/** Every plugin that trains, in its modes. */
const makers: readonly (() => Plugin)[] = [
  () => new everything.GroupAdvantagePlugin(),
  () => new everything.ClippedObjectivePlugin(),
  () => new everything.ReferenceKlPlugin(),
  () => new everything.DynamicSamplingPlugin(),
  () => new everything.OverlongPenaltyPlugin({ maxLength: 20, cache: 5 }),
  () => new everything.RandomMaskPlugin(),
  () => new everything.SemanticMaskPlugin({ source: "policy", view: "salient" }),
  () => new everything.PerceptionKlPlugin(),
  () => new everything.PerceptionKlPlugin({ mode: "paper" }),
  () => new everything.DoubleEntropyPlugin(),
  () => new everything.DoubleEntropyPlugin({ mode: "paper" }),
  () => new everything.PerceptionKlPlugin({ direction: "reverse", topTokens: 0.5, clip: 0.2 }),
  () => new everything.CorrectSftPlugin(),
  () => new everything.PerceptionSchedulePlugin(),
  () => new everything.CollapseDetectorPlugin(),
  () => new everything.EntropyPenaltyPlugin(),
  () => new everything.EntropyPenaltyPlugin({ estimate: "full" }),
  () => new everything.OverlongFilterPlugin(),
  () => new everything.SequenceObjectivePlugin(),
  () => new everything.SequenceObjectivePlugin({ form: "token" }),
  () => new everything.WeightedObjectivePlugin(),
  () => new everything.WeightedObjectivePlugin({ form: "verl" }),
  () => new everything.SoftObjectivePlugin(),
  () => new everything.LeaveOneOutAdvantagePlugin(),
  () => new everything.TruncatedImportancePlugin(),
  () => new everything.DifficultyKlPlugin({ passRate: () => 0.5 }),
  () => new everything.TrajectoryLengthPlugin(),
  () => new everything.VisualDependencyPlugin(),
  () => new everything.BlindViewPlugin({ view: "dark" }),
  () => new everything.KeyRegionsPlugin(),
  () => new everything.CounterfactualViewPlugin(),
  () => new everything.NoisyRolloutPlugin(),
  () => new everything.TokenReweightingPlugin(),
  () => new everything.DualViewKlPlugin(),
  () => new everything.VisualEvidencePlugin(),
  () => new everything.VisualEvidencePlugin({ form: "exact" }),
  () => new everything.VisualAdvantageDistillationPlugin(),
  () => new everything.PrivilegedTutoringPlugin(),
  () => new everything.DegradationConsistencyPlugin({ views: ["masked", "noisy"] }),
  () => new everything.ConsistencyBonusPlugin(),
  () => new everything.StagedRolloutPlugin(),
  () => new everything.AllOrNothingPlugin(),
  () => new everything.SecondHopRewardPlugin(),
  () => new everything.PrioritizedReplayPlugin(),
  () => new everything.ObserverSolverPlugin(),
  () => new everything.FunctionRewardPlugin({ name: "one", score: () => 1 }),
  () => new everything.MathRewardPlugin(),
  () => new everything.BoxRewardPlugin(),
  () => new everything.HttpRewardPlugin({ part: "server", url: "http://localhost:1/score" }),
  () => new everything.JudgeRewardPlugin({ url: "http://localhost:1/v1/chat/completions", model: "judge" }),
  () => new everything.LengthRewardPlugin({ atMost: 100 }),
  () => new everything.RepetitionRewardPlugin(),
  () => new everything.StatedFactsRewardPlugin(),
  () => new everything.StringRewardPlugin(),
  () => new everything.FormatRewardPlugin(),
  () => new everything.ModuleRewardPlugin({ part: "own", module: "reward.ts" }),
];

describe.each(
  makers.map(
    (make) => [`${make().name} ${JSON.stringify((make() as unknown as { options: unknown }).options)}`, make] as const,
  ),
)("%s", (_name, make) => {
  testPlugin(make);
});

/** Plugins whose coefficients act on rewards, advantages or metrics alone. */
const outsideTheLoss: readonly (() => Plugin)[] = [
  () => new everything.DiffusionNoisePlugin({ view: "hazy" }),
  () => new everything.EntropyProbePlugin(),
  () => new everything.PerceptionProbePlugin(),
  () => new everything.ConsistencyProbePlugin(),
  () => new everything.ReferenceKlRewardPlugin(),
  () => new everything.WhitenedAdvantagePlugin({ kl: 0.1 }),
  () => new everything.PerceptionExplorationPlugin(),
  () => new everything.PerceptionGroundedPlugin(),
  () => new everything.VisualCompensationPlugin(),
  () => new everything.ParagraphCreditPlugin({ view: "original" }),
  () => new everything.RationaleLikelihoodPlugin(),
  () => new everything.ZoomInPlugin(),
];

describe.each(outsideTheLoss.map((make) => [make().name, make] as const))("%s", (_name, make) => {
  testPlugin(make, { trains: false });
});

it("covers every plugin of the package", () => {
  // These write files; their own tests cover them.
  const writers = ["RunLogPlugin", "CsvPlugin", "TensorBoardPlugin", "TrackioPlugin", "WandbPlugin"];
  const classes = Object.keys(everything).filter((key) => key.endsWith("Plugin") && !writers.includes(key));
  expect(new Set([...makers, ...outsideTheLoss].map((make) => make().name))).toEqual(new Set(classes));
});
