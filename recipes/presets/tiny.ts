/** The methods scaled to about a million parameters and a minute: one budget for all, so that they can be compared. */
import { labelled, type Plugin, type RunSettingsInput } from "@papo/core";
import {
  AllOrNothingPlugin,
  BlindViewPlugin,
  ClippedObjectivePlugin,
  CounterfactualViewPlugin,
  ConsistencyBonusPlugin,
  DegradationConsistencyPlugin,
  DifficultyKlPlugin,
  DiffusionNoisePlugin,
  DoubleEntropyPlugin,
  DualViewKlPlugin,
  EntropyPenaltyPlugin,
  GroupAdvantagePlugin,
  KeyRegionsPlugin,
  LeaveOneOutAdvantagePlugin,
  NoisyRolloutPlugin,
  ObserverSolverPlugin,
  PerceptionKlPlugin,
  ParagraphCreditPlugin,
  PerceptionExplorationPlugin,
  PerceptionGroundedPlugin,
  PrioritizedReplayPlugin,
  PrivilegedTutoringPlugin,
  RandomMaskPlugin,
  RationaleLikelihoodPlugin,
  ReferenceKlPlugin,
  SecondHopRewardPlugin,
  SequenceObjectivePlugin,
  SoftObjectivePlugin,
  StagedRolloutPlugin,
  TokenReweightingPlugin,
  TrajectoryLengthPlugin,
  TruncatedImportancePlugin,
  VisualAdvantageDistillationPlugin,
  VisualCompensationPlugin,
  VisualDependencyPlugin,
  VisualEvidencePlugin,
  WeightedObjectivePlugin,
  WhitenedAdvantagePlugin,
  ZoomInPlugin,
} from "@papo/plugins";
import { dapo } from "../dapo.ts";
import { grpo } from "../grpo.ts";
import { papo } from "../papo.ts";
import type { PresetEntry } from "./preset.ts";

/** Steps of every recipe of the embedded task. */
export const tinySteps = 60;

/** 16 prompts × 8 in two minibatches, warm-up, linear decay. */
const settings: RunSettingsInput = {
  seed: 1,
  steps: tinySteps,
  promptsPerStep: 16,
  samplesPerPrompt: 8,
  promptsPerMinibatch: 8,
  sampling: { temperature: 1, topP: 1, topK: 0, maxNewTokens: 32 },
  maxRounds: 4,
  learningRate: 1e-4,
  warmupSteps: 10,
  decay: "linear",
};

/** What PAPO's recipes of the embedded task begin from. */
export const perceptionDefaults: Readonly<Record<string, number>> = { gamma: 0.01, eta: 0.03, maskRatio: 0.6 };

const clipped = { clipLow: 0.2, clipHigh: 0.28, reduction: "token_mean" } as const;
const baseGrpo = (): Plugin[] => grpo({ ...clipped, referenceKl: 0 });
const baseDapo = (): Plugin[] => dapo({ sampling: { metric: "accuracy", rounds: 4 } });

/** The task brings its rewards; the entry adds what comes before and after the objective. */
const tiny = (
  source: string,
  make: (options: Parameters<PresetEntry["make"]>[0]) => readonly Plugin[],
  baseline = false,
): PresetEntry => ({
  source: `${source}, scaled to the embedded task`,
  baseline,
  make: (options) => ({ plugins: make(options), settings }),
});

/** Room for two answers and what stands between them. */
const inTurns = (entry: PresetEntry): PresetEntry => ({
  ...entry,
  make: (options) => {
    const { plugins, settings: own } = entry.make(options);
    return { plugins, settings: { ...own, sampling: { ...own.sampling, maxNewTokens: 80 } } };
  },
});

/** Where the embedded task's answers stand in a response. */
const box = { open: "\\boxed{", close: "}" } as const;
/** Its cells, by the names that facts and questions give them; the words are of its vocabulary. */
const cellsOfScenes = {
  region: "\\b([a-d])([1-4])\\b",
  cell: 28,
  answered: "",
  words: "<image> at {region}",
  missing: "",
} as const;
/** Its stated facts. */
const facts = { open: "<think>", close: ";", prompt: "{description} ; {question}", missing: "nothing" } as const;

export const tinyPresets = {
  grpo: tiny("GRPO", baseGrpo, true),
  "grpo-tis": tiny(
    "GRPO with truncated importance weights, for sampling ahead (settings.pipelined=rewards)",
    () => [...baseGrpo(), new TruncatedImportancePlugin()],
    true,
  ),
  dapo: tiny("DAPO", baseDapo, true),
  "dapo-entropy": tiny(
    "DAPO with an entropy penalty",
    () => [...baseDapo(), new EntropyPenaltyPlugin({ coefficient: 0.03 })],
    true,
  ),
  "dr-grpo-tiny": tiny(
    "Dr. GRPO",
    () => grpo({ ...clipped, normalise: false, dualClip: null, referenceKl: 0, reduction: "constant" }),
    true,
  ),
  rloo: tiny("RLOO", () => [new LeaveOneOutAdvantagePlugin(), new ClippedObjectivePlugin(clipped)], true),
  "reinforce-pp": tiny("REINFORCE++", () => [new WhitenedAdvantagePlugin(), new ClippedObjectivePlugin(clipped)], true),
  "reinforce-pp-baseline": tiny(
    "REINFORCE++ with a group baseline",
    () => [new WhitenedAdvantagePlugin({ baseline: "group" }), new ClippedObjectivePlugin(clipped)],
    true,
  ),
  "gspo-tiny": tiny("GSPO", () => [new GroupAdvantagePlugin(), new SequenceObjectivePlugin()], true),
  "gspo-token": tiny(
    "GSPO-token",
    () => [new GroupAdvantagePlugin(), new SequenceObjectivePlugin({ form: "token" })],
    true,
  ),
  cispo: tiny("CISPO", () => [new GroupAdvantagePlugin(), new WeightedObjectivePlugin()], true),
  sapo: tiny("SAPO", () => [new GroupAdvantagePlugin(), new SoftObjectivePlugin({ reduction: "token_mean" })], true),
  papo: tiny("PAPO on GRPO", (options) => papo(baseGrpo(), { ...perceptionDefaults, ...options })),
  "papo-d": tiny("PAPO on DAPO", (options) => papo(baseDapo(), { ...perceptionDefaults, ...options })),
  apo: tiny("APO", () => [
    new GroupAdvantagePlugin(),
    new TrajectoryLengthPlugin(),
    new ClippedObjectivePlugin(clipped),
    new ReferenceKlPlugin({ coefficient: 1e-3 }),
    new DifficultyKlPlugin(),
  ]),
  vppo: tiny("VPPO", () => [
    ...baseDapo(),
    new EntropyPenaltyPlugin({ coefficient: 0.06 }),
    new RandomMaskPlugin({ on: "patches", scope: "response", ratio: 0.5 }),
    new VisualDependencyPlugin(),
  ]),
  vgpo: tiny("VGPO", () => [...baseDapo(), new VisualCompensationPlugin()]),
  pepo: tiny("PEPO", () => [...baseGrpo(), new PerceptionExplorationPlugin()]),
  "noisy-rollout": tiny("NoisyRollout", () => [
    ...baseGrpo(),
    new DiffusionNoisePlugin({ middle: 20 }),
    new NoisyRolloutPlugin(),
  ]),
  pgpo: tiny("PGPO", () => [...baseDapo(), new BlindViewPlugin(), new PerceptionGroundedPlugin()]),
  dvrp: tiny("DVRP", () => [
    ...baseGrpo(),
    new RandomMaskPlugin(),
    new DiffusionNoisePlugin({ schedule: "linear" }),
    new DualViewKlPlugin(),
    new DoubleEntropyPlugin({ original: 0.05, masked: 0.05 }),
  ]),
  tor: tiny("ToR", () => [...baseDapo(), new BlindViewPlugin({ by: "removed" }), new TokenReweightingPlugin()]),
  vepo: tiny("VEPO", () => [
    ...baseDapo(),
    new DiffusionNoisePlugin({ schedule: "constant" }),
    new VisualEvidencePlugin(),
  ]),
  "vepo-exact": tiny("VEPO with exact divergences", () => [
    ...baseDapo(),
    new DiffusionNoisePlugin({ schedule: "constant" }),
    new VisualEvidencePlugin({ form: "exact" }),
  ]),
  cfpo: tiny("CFPO", () => [
    ...baseGrpo(),
    new CounterfactualViewPlugin(),
    new PerceptionKlPlugin({ view: "counterfactual", coefficient: 0.02 }),
  ]),
  // Responses of the embedded tasks have one line: its paragraphs are the reasoning and the answer.
  kawhi: tiny("KAWHI", () => [
    ...baseGrpo(),
    new KeyRegionsPlugin(),
    new ParagraphCreditPlugin({ separator: "</think>" }),
  ]),
  "va-opd": tiny("VA-OPD beside GRPO, its teacher the weights at the start", () => [
    ...baseGrpo(),
    new DiffusionNoisePlugin({ schedule: "constant" }),
    new VisualAdvantageDistillationPlugin({ coefficient: 0.1 }),
  ]),
  "ptd-po": tiny("PTD-PO, for rows with a column hint", () => [...baseGrpo(), new PrivilegedTutoringPlugin()]),
  roma: tiny("ROMA", () => [
    ...baseGrpo(),
    new DiffusionNoisePlugin({ strength: 250, schedule: "constant" }),
    labelled(new DiffusionNoisePlugin({ strength: 700, schedule: "constant" }), "strong"),
    new DegradationConsistencyPlugin(),
  ]),
  "grpo-care": tiny("GRPO-CARE", () => [new ConsistencyBonusPlugin(box), ...baseGrpo()]),
  "latro-tiny": tiny("LaTRO", () => [
    new RationaleLikelihoodPlugin({ until: "\\boxed{", target: "\\boxed{ {answer} }" }),
    new LeaveOneOutAdvantagePlugin(),
    new ClippedObjectivePlugin({ ...clipped, dualClip: null, reduction: "sequence_sum" }),
  ]),
  ptst: tiny("Vision-R1's staged training", () => [
    new AllOrNothingPlugin(),
    ...baseGrpo(),
    new StagedRolloutPlugin({
      stages: [
        { until: 0.5, maxNewTokens: 24, samplesPerPrompt: 12 },
        { until: 1, maxNewTokens: 32, samplesPerPrompt: 4 },
      ],
    }),
  ]),
  "vision-sr1": tiny("Vision-SR1", () => [new SecondHopRewardPlugin(facts), ...baseGrpo()]),
  freshper: tiny("FreshPER on GRPO", () => [
    ...baseGrpo(),
    new PrioritizedReplayPlugin({ priority: "advantage", ageDecay: 20 }),
  ]),
  prco: tiny("PRCO on GRPO, the Solver without the picture", () => [
    new ObserverSolverPlugin({
      observer: "{question}",
      solver: "{caption} ; {question}",
      open: facts.open,
      close: facts.close,
      picture: false,
      samples: 2,
    }),
    ...baseGrpo(),
  ]),
  deepeyes: inTurns(
    tiny("DeepEyes on GRPO: the last cell that an answer names is shown, and it is asked again", () => [
      ...baseGrpo(),
      new ZoomInPlugin({ ...cellsOfScenes, maxTurns: 2, maxVisualTokens: 4, bonus: 0.1 }),
    ]),
  ),
  "visionary-r1-tiny": tiny("Visionary-R1", () => [
    new SecondHopRewardPlugin({ ...facts, weight: 0.1 }),
    ...baseGrpo(),
  ]),
} as const satisfies Record<string, PresetEntry>;
