/** The rows of the published tables, with every number that the papers and their code give. */
import type { Plugin, RunSettingsInput } from "@papo/core";
import {
  AllOrNothingPlugin,
  BlindViewPlugin,
  ClippedObjectivePlugin,
  ConsistencyBonusPlugin,
  DifficultyKlPlugin,
  DiffusionNoisePlugin,
  DoubleEntropyPlugin,
  DualViewKlPlugin,
  EntropyPenaltyPlugin,
  FormatRewardPlugin,
  GroupAdvantagePlugin,
  LeaveOneOutAdvantagePlugin,
  MathRewardPlugin,
  NoisyRolloutPlugin,
  PerceptionGroundedPlugin,
  RandomMaskPlugin,
  RationaleLikelihoodPlugin,
  ReferenceKlPlugin,
  SecondHopRewardPlugin,
  SequenceObjectivePlugin,
  StagedRolloutPlugin,
  TokenReweightingPlugin,
  TrajectoryLengthPlugin,
  VisualCompensationPlugin,
  VisualDependencyPlugin,
  WeightedObjectivePlugin,
} from "@papo/plugins";
import { dapo } from "../dapo.ts";
import { grpo } from "../grpo.ts";
import { papo } from "../papo.ts";
import type { PresetEntry } from "./preset.ts";

/**
 * Settings of the PAPO release (arXiv:2507.06448, main fb63bf4): 384 prompts × 5, minibatches of 128 prompts, AdamW at
 * 1e-6 without warm-up, two passes over ViRL39K.
 */
const release: RunSettingsInput = {
  seed: 1,
  steps: 202,
  promptsPerStep: 384,
  samplesPerPrompt: 5,
  promptsPerMinibatch: 128,
  epochs: 1,
  sampling: { temperature: 1, topP: 0.99, topK: 0, maxNewTokens: 2048 },
  maxPromptTokens: 4096,
  onLongPrompt: "skip",
  learningRate: 1e-6,
  warmupSteps: 0,
  decay: "constant",
  optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
};

/** 128 prompts a refill, twenty tries. */
const releaseDapo: RunSettingsInput = { ...release, promptsPerRound: 128, maxRounds: 20 };

/** VPPO's and VGPO's: the same with 8 responses. */
const eight: RunSettingsInput = { ...releaseDapo, samplesPerPrompt: 8 };

const rewards = (accuracy = 0.9, format = 0.1): Plugin[] => [
  new MathRewardPlugin({ weight: accuracy }),
  ...(format > 0 ? [new FormatRewardPlugin({ weight: format })] : []),
];

/** The release's GRPO: clip 0.2 / 0.3, and token means. */
const releaseGrpo = (referenceKl: number): Plugin[] => [
  ...rewards(),
  ...grpo({ clipLow: 0.2, clipHigh: 0.3, referenceKl, reduction: "token_mean" }),
];

const releaseSampling = {
  metric: "accuracy",
  keep: "between",
  low: 0.01,
  high: 0.99,
  rounds: 20,
  whenNoneSurvives: "keep",
} as const;

const releaseDapoPlugins = (): Plugin[] => [...rewards(), ...dapo({ sampling: releaseSampling })];

/** DAPO with accuracy as the only reward. */
const accuracyDapo = (): Plugin[] => [...rewards(1, 0), ...dapo({ sampling: releaseSampling })];

const PAPO_TABLE = "PAPO, arXiv:2507.06448, project page; release fb63bf4";

export const published = {
  "grpo-3b": {
    source: `${PAPO_TABLE}, row GRPO`,
    baseline: true,
    make: () => ({ plugins: releaseGrpo(0.01), settings: release }),
  },
  "grpo-7b": {
    source: `${PAPO_TABLE}, row GRPO`,
    baseline: true,
    make: () => ({ plugins: releaseGrpo(0.01), settings: release }),
  },
  "grpo-no-kl": {
    source: `${PAPO_TABLE}, row GRPO without reference KL`,
    baseline: true,
    make: () => ({ plugins: releaseGrpo(0), settings: release }),
  },
  "grpo-7b-script": {
    source:
      "the release's script qwen2_5_vl_7b_grpo.sh, called a baseline, which loads config_grpo_papo.yaml: the perception term is on, γ 0.01",
    baseline: true,
    make: (options) => ({ plugins: papo(releaseGrpo(0.01), { gamma: 0.01, eta: 0, ...options }), settings: release }),
  },
  "dapo-3b": {
    source: `${PAPO_TABLE}, row DAPO`,
    baseline: true,
    make: () => ({ plugins: releaseDapoPlugins(), settings: releaseDapo }),
  },
  "dapo-7b": {
    source: `${PAPO_TABLE}, row DAPO (this run collapsed in the paper)`,
    baseline: true,
    make: () => ({ plugins: releaseDapoPlugins(), settings: releaseDapo }),
  },
  "dapo-entropy-7b": {
    source: "PAPO, arXiv:2507.06448: DAPO-7B with an entropy penalty, the fair baseline of PAPO-D",
    baseline: true,
    make: () => ({
      plugins: [...releaseDapoPlugins(), new EntropyPenaltyPlugin({ coefficient: 0.03 })],
      settings: releaseDapo,
    }),
  },
  "papo-g-3b": {
    source: `${PAPO_TABLE}, row PAPO-G 3B`,
    make: (options) => ({ plugins: papo(releaseGrpo(0.01), { gamma: 0.02, eta: 0, ...options }), settings: release }),
  },
  "papo-g-7b": {
    source: `${PAPO_TABLE}, row PAPO-G 7B`,
    make: (options) => ({
      plugins: papo(releaseGrpo(0.01), { gamma: 0.02, eta: 0.05, ...options }),
      settings: release,
    }),
  },
  "papo-g-no-kl": {
    source: `${PAPO_TABLE}, row PAPO-G without reference KL`,
    make: (options) => ({ plugins: papo(releaseGrpo(0), { gamma: 0.01, eta: 0.03, ...options }), settings: release }),
  },
  "papo-d-3b": {
    source: `${PAPO_TABLE}, row PAPO-D 3B`,
    make: (options) => ({
      plugins: papo(releaseDapoPlugins(), { gamma: 0.01, eta: 0.03, ...options }),
      settings: releaseDapo,
    }),
  },
  "papo-d-7b": {
    source: `${PAPO_TABLE}, row PAPO-D 7B`,
    make: (options) => ({
      plugins: papo(releaseDapoPlugins(), { gamma: 0.01, eta: 0.03, ...options }),
      settings: releaseDapo,
    }),
  },
  "papo-qwen3-2b": {
    source:
      "PAPO, branch main_qwen3, Qwen3-VL-2B-Thinking: the script has reference KL 0.01, its README none; here the script's",
    make: (options) => ({ plugins: papo(releaseGrpo(0.01), { gamma: 0.01, eta: 0, ...options }), settings: release }),
  },
  "view-r1": {
    source:
      "APO, arXiv:2506.21655; View-R1 093f2d8: 128 prompts × 8, k3 0.001, reward accuracy + 0.5 format, 4,096 tokens",
    make: () => ({
      plugins: [
        ...rewards(1, 0.5),
        new GroupAdvantagePlugin({ epsilon: 1e-9 }),
        new TrajectoryLengthPlugin(),
        new ClippedObjectivePlugin({ clipLow: 0.2, clipHigh: 0.2, dualClip: null, reduction: "token_mean" }),
        new ReferenceKlPlugin({ coefficient: 1e-3, reduction: "sequence_mean" }),
        new DifficultyKlPlugin(),
      ],
      settings: {
        ...release,
        promptsPerStep: 128,
        samplesPerPrompt: 8,
        promptsPerMinibatch: 8,
        sampling: { temperature: 1, topP: 1, topK: 0, maxNewTokens: 4096 },
      },
    }),
  },
  "vppo-7b": {
    source:
      "VPPO, arXiv:2510.09285; a23c54b, train_vppo_7b.sh: DAPO, 384 prompts × 8, accuracy alone, entropy penalty 0.06, mask per response p 0.5",
    make: () => ({
      plugins: [
        ...accuracyDapo(),
        new EntropyPenaltyPlugin({ coefficient: 0.06 }),
        new RandomMaskPlugin({ on: "patches", scope: "response", ratio: 0.5 }),
        new VisualDependencyPlugin(),
      ],
      settings: eight,
    }),
  },
  "vgpo-7b": {
    source:
      "VGPO, arXiv:2604.09349; d773c71, train_vgpo_7B.sh: 512 prompts × 8, accuracy alone, β 0.3, κ 0.2, start 0.5",
    make: () => ({
      plugins: [...accuracyDapo(), new VisualCompensationPlugin()],
      settings: { ...eight, promptsPerStep: 512 },
    }),
  },
  "noisy-rollout-7b": {
    source:
      "NoisyRollout, arXiv:2504.13055; 000b58d, qwen2_5_vl_7b_geo3k_noisyrollout.sh: 6 + 6, no KL, frozen vision tower, entropy bonus 1e-3",
    make: () => ({
      plugins: [
        ...rewards(),
        ...grpo({ clipLow: 0.2, clipHigh: 0.2, referenceKl: 0, reduction: "token_mean" }),
        new EntropyPenaltyPlugin({ coefficient: 1e-3, direction: "maximise", estimate: "sampled" }),
        new DiffusionNoisePlugin(),
        new NoisyRolloutPlugin(),
      ],
      settings: {
        ...release,
        steps: 60,
        promptsPerStep: 512,
        samplesPerPrompt: 12,
        optimizer: { ...release.optimizer, freeze: ["model.visual.**"] },
      },
    }),
  },
  "pgpo-7b": {
    source: "PGPO, arXiv:2604.01840, on DAPO; settings it does not give are VPPO's",
    make: () => ({
      plugins: [...accuracyDapo(), new BlindViewPlugin(), new PerceptionGroundedPlugin()],
      settings: eight,
    }),
  },
  "dvrp-7b": {
    source:
      "DVRP, arXiv:2601.06801: both divergences 0.01, both entropies 0.05, noise from 500 to 0; settings it does not give are PAPO's",
    make: () => ({
      plugins: [
        ...releaseGrpo(0),
        new RandomMaskPlugin(),
        new DiffusionNoisePlugin({ schedule: "linear" }),
        new DualViewKlPlugin(),
        new DoubleEntropyPlugin({ original: 0.05, masked: 0.05 }),
      ],
      settings: release,
    }),
  },
  "tor-7b": {
    source: "ToR, arXiv:2603.25077, on DAPO; settings it does not give are VPPO's",
    make: () => ({
      plugins: [...accuracyDapo(), new BlindViewPlugin({ by: "removed" }), new TokenReweightingPlugin()],
      settings: eight,
    }),
  },
  "grpo-care-7b": {
    source:
      "GRPO-CARE, arXiv:2506.16141; b0628fc: G 8, no KL, ε 1e-4, bonus 0.5, averaged weights 0.995 every 10 steps; settings it does not give are PAPO's",
    make: () => ({
      plugins: [
        ...rewards(1, 1),
        new ConsistencyBonusPlugin({ open: "\\boxed{", close: "}" }),
        new GroupAdvantagePlugin({ epsilon: 1e-4 }),
        new ClippedObjectivePlugin({ clipLow: 0.2, clipHigh: 0.2, dualClip: null }),
      ],
      settings: { ...release, samplesPerPrompt: 8, promptsPerMinibatch: null },
    }),
  },
  latro: {
    source:
      "LaTRO, arXiv:2411.04282; ff18ac3: RLOO with 16 responses, β 0.05, learning rate 5e-7; settings it does not give are PAPO's",
    make: () => ({
      plugins: [
        new RationaleLikelihoodPlugin({ until: "\\boxed{", target: "\\boxed{{answer}}" }),
        new LeaveOneOutAdvantagePlugin(),
        new ClippedObjectivePlugin({ dualClip: null, reduction: "sequence_sum" }),
      ],
      settings: { ...release, samplesPerPrompt: 16, promptsPerMinibatch: null, learningRate: 5e-7 },
    }),
  },
  "vision-r1-ptst": {
    source:
      "Vision-R1, arXiv:2503.06749, README c061681: 4K × 16, then 8K × 8; reward 1 for a right answer in the right form; settings it does not give are PAPO's",
    make: () => ({
      plugins: [...rewards(), new AllOrNothingPlugin(), ...grpo({ referenceKl: 0.01 }), new StagedRolloutPlugin()],
      settings: { ...release, samplesPerPrompt: 16, sampling: { ...release.sampling, maxNewTokens: 8192 } },
    }),
  },
  "vision-sr1-7b": {
    source:
      "Vision-SR1, arXiv:2508.19652; 4480e08: 0.9 accuracy + 0.1 format + the answer from the description alone, reference KL 0.01; settings it does not give are PAPO's",
    make: () => ({
      plugins: [...rewards(), new SecondHopRewardPlugin(), ...grpo({ referenceKl: 0.01 })],
      settings: release,
    }),
  },
  "visionary-r1": {
    source:
      "Visionary-R1, arXiv:2505.14677; 6b1f25a: caption reward 0.1, G 8; settings it does not give are PAPO's; its cosine course of β is not included",
    make: () => ({
      plugins: [
        ...rewards(1, 1),
        new SecondHopRewardPlugin({
          weight: 0.1,
          open: "<info>",
          close: "</info>",
          missing: "nothing",
          prompt: "Input Format:\nText:{description}\nQuestion:{question}",
        }),
        new GroupAdvantagePlugin({ epsilon: 1e-4 }),
        new ClippedObjectivePlugin({ clipLow: 0.2, clipHigh: 0.2, dualClip: null }),
        new ReferenceKlPlugin({ coefficient: 0.04 }),
      ],
      settings: { ...release, samplesPerPrompt: 8, promptsPerMinibatch: null },
    }),
  },
  "dr-grpo": {
    source: "Dr. GRPO, arXiv:2503.20783: no KL, G 8, constant length 3,000; settings it does not give are PAPO's",
    make: () => ({
      plugins: [...rewards(1, 0), ...grpo({ normalise: false, dualClip: null, referenceKl: 0, reduction: "constant" })],
      settings: { ...release, samplesPerPrompt: 8, sampling: { temperature: 1, topP: 1, topK: 0, maxNewTokens: 3000 } },
    }),
  },
  gspo: {
    source: "GSPO, arXiv:2507.18071: clip 3e-4 / 4e-4, no KL; settings it does not give are PAPO's",
    make: () => ({
      plugins: [...rewards(), new GroupAdvantagePlugin(), new SequenceObjectivePlugin()],
      settings: release,
    }),
  },
  "scale-rl": {
    source: "CISPO as in ScaleRL, arXiv:2510.13786: truncated at 5, no KL; settings it does not give are PAPO's",
    make: () => ({
      plugins: [...rewards(), new GroupAdvantagePlugin(), new WeightedObjectivePlugin({ form: "trl", maxRatio: 5 })],
      settings: release,
    }),
  },
} as const satisfies Record<string, PresetEntry>;
