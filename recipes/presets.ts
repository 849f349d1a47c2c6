/** Recipes with every number filled in: the rows of the published tables, and the same methods scaled to a tiny model. */
import { parseOptions } from "@papo/core";
import type { Plugin, RunSettingsInput } from "@papo/core";
import { BoxedAnswerRewardPlugin, EntropyPenaltyPlugin, FormatRewardPlugin } from "@papo/plugins";
import { z } from "zod";
import { dapo } from "./dapo.ts";
import { grpo } from "./grpo.ts";
import { papo } from "./papo.ts";
import type { PapoOptions } from "./papo.ts";

/** Plugins and the settings they were published with. */
export interface Preset {
  readonly plugins: readonly Plugin[];
  readonly settings: RunSettingsInput;
}

const modeSchema = z.strictObject({
  /** "official": what the release computes; "paper": what the paper writes. Recipes without a perception term ignore it. */
  mode: z.enum(["official", "paper"]).default("official"),
});

export type PresetOptions = z.input<typeof modeSchema>;

type Mode = NonNullable<PapoOptions["mode"]>;

/**
 * Settings of the release (PAPO, arXiv:2507.06448, main fb63bf4): 384 prompts × 5, minibatches of 128 prompts, AdamW at 1e-6
 * without warm-up, two passes over ViRL39K.
 */
const published: RunSettingsInput = {
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
const publishedDapo: RunSettingsInput = { ...published, promptsPerRound: 128, maxRounds: 20 };

const rewards = (): Plugin[] => [new BoxedAnswerRewardPlugin({ weight: 0.9 }), new FormatRewardPlugin({ weight: 0.1 })];

/** The release's GRPO: clip 0.2 / 0.3, and token means. */
const publishedGrpo = (referenceKl: number): Plugin[] => [...rewards(), ...grpo({ clipLow: 0.2, clipHigh: 0.3, referenceKl, reduction: "token_mean" })];

const releaseSampling = { metric: "accuracy", keep: "between", low: 0.01, high: 0.99, rounds: 20, whenNoneSurvives: "keep" } as const;

const publishedDapoPlugins = (): Plugin[] => [...rewards(), ...dapo({ sampling: releaseSampling })];

/** Settings that work on about a million parameters in a minute: 16 prompts × 8 in two minibatches, warm-up, linear decay. */
const tiny: RunSettingsInput = {
  seed: 1,
  steps: 60,
  promptsPerStep: 16,
  samplesPerPrompt: 8,
  promptsPerMinibatch: 8,
  sampling: { temperature: 1, topP: 1, topK: 0, maxNewTokens: 32 },
  maxRounds: 4,
  learningRate: 1e-4,
  warmupSteps: 10,
  decay: "linear",
};

const tinyGrpo = (): Plugin[] => grpo({ clipLow: 0.2, clipHigh: 0.28, referenceKl: 0, reduction: "token_mean" });
const tinyDapo = (): Plugin[] => dapo({ sampling: { metric: "accuracy", rounds: 4 } });

const PRESETS = {
  /** GRPO, 3B and 7B alike. */
  "grpo-3b": () => ({ plugins: publishedGrpo(0.01), settings: published }),
  "grpo-7b": () => ({ plugins: publishedGrpo(0.01), settings: published }),
  "grpo-no-kl": () => ({ plugins: publishedGrpo(0), settings: published }),
  "dapo-3b": () => ({ plugins: publishedDapoPlugins(), settings: publishedDapo }),
  "dapo-7b": () => ({ plugins: publishedDapoPlugins(), settings: publishedDapo }),
  /** The baseline that explains most of the gain over the collapsed DAPO-7B. */
  "dapo-entropy-7b": () => ({ plugins: [...publishedDapoPlugins(), new EntropyPenaltyPlugin({ coefficient: 0.03 })], settings: publishedDapo }),
  "papo-g-3b": (mode) => ({ plugins: papo(publishedGrpo(0.01), { mode, gamma: 0.02, eta: 0 }), settings: published }),
  "papo-g-7b": (mode) => ({ plugins: papo(publishedGrpo(0.01), { mode, gamma: 0.02, eta: 0.05 }), settings: published }),
  "papo-g-no-kl": (mode) => ({ plugins: papo(publishedGrpo(0), { mode, gamma: 0.01, eta: 0.03 }), settings: published }),
  "papo-d-3b": (mode) => ({ plugins: papo(publishedDapoPlugins(), { mode, gamma: 0.01, eta: 0.03 }), settings: publishedDapo }),
  "papo-d-7b": (mode) => ({ plugins: papo(publishedDapoPlugins(), { mode, gamma: 0.01, eta: 0.03 }), settings: publishedDapo }),
  /** Scaled to a tiny model; the task brings its own rewards. */
  grpo: () => ({ plugins: tinyGrpo(), settings: tiny }),
  dapo: () => ({ plugins: tinyDapo(), settings: tiny }),
  papo: (mode) => ({ plugins: papo(tinyGrpo(), { mode, gamma: 0.01, eta: 0.03 }), settings: tiny }),
  "papo-d": (mode) => ({ plugins: papo(tinyDapo(), { mode, gamma: 0.01, eta: 0.03 }), settings: tiny }),
} satisfies Record<string, (mode: Mode) => Preset>;

export type PresetName = keyof typeof PRESETS;

export const presetNames = Object.keys(PRESETS) as PresetName[];

/** A named recipe; the plugins are new each time. Published rows bring their rewards, tiny ones leave them to the task. */
export function preset(name: PresetName, options: PresetOptions = {}): Preset {
  const { mode } = parseOptions(`preset ${name}`, modeSchema, options);
  const make: ((mode: Mode) => Preset) | undefined = PRESETS[name];
  if (make === undefined) throw new Error(`There is no preset "${String(name)}"; there are ${presetNames.join(", ")}`);
  return make(mode);
}
