/**
 * The numbers a reader looks at first. Each is one metric by its exact name, so that the display, the page and
 * metrics.jsonl say the same: a term of the loss, a coefficient or a weighted part is never taken for the quantity that
 * it is made of. Where two plugins measure the same, what PerceptionProbePlugin measures comes first: it is the same
 * for all recipes.
 */

/** Metrics of one step by name. */
export type StepNumbers = Readonly<Record<string, number>>;

export interface Headline {
  readonly id:
    | "reward"
    | "accuracy"
    | "perceptionKl"
    | "entropy"
    | "maskedEntropy"
    | "length"
    | "clip"
    | "evaluation"
    | "visualDependence"
    | "gradientNorm"
    | "speed"
    | "knownSizes";
  /** Short, for a display. */
  readonly short: string;
  /** For a report. */
  readonly title: string;
  /** The first that a run has is its number. */
  readonly metrics: readonly string[];
}

export const headlines: readonly Headline[] = [
  { id: "reward", short: "reward", title: "Reward, mean over the samples", metrics: ["reward/mean"] },
  { id: "accuracy", short: "accuracy", title: "Accuracy of the training samples", metrics: ["reward/part/accuracy"] },
  {
    id: "perceptionKl",
    short: "KL_prcp",
    title: "Perception KL (KL_prcp), nats per token",
    metrics: ["observe/perception_kl", "papo/perception_kl"],
  },
  { id: "entropy", short: "entropy", title: "Entropy of the policy, nats per token", metrics: ["rollout/entropy"] },
  {
    id: "maskedEntropy",
    short: "masked entropy",
    title: "Entropy under the masked picture, nats per token",
    metrics: ["observe/masked_entropy", "papo/entropy_masked"],
  },
  { id: "length", short: "length", title: "Response length, tokens", metrics: ["rollout/length"] },
  { id: "clip", short: "clip-high", title: "Share of tokens clipped from above", metrics: ["policy/clip_high"] },
  {
    id: "evaluation",
    short: "evaluation",
    title: "Evaluation: share of right answers",
    metrics: ["evaluation/average"],
  },
  {
    id: "visualDependence",
    short: "dependence",
    title: "Visual dependence: accuracy with the real pictures minus without",
    metrics: ["evaluation/visual_dependence"],
  },
  {
    id: "gradientNorm",
    short: "|gradient|",
    title: "Gradient norm before clipping",
    metrics: ["learner/gradient_norm"],
  },
  {
    id: "speed",
    short: "tokens/s",
    title: "Sampled tokens per second of a step",
    metrics: ["timing/tokens_per_second"],
  },
  {
    id: "knownSizes",
    short: "sizes known",
    title: "Share of programs' runs at sizes known before, which compile nothing",
    metrics: ["timing/known_sizes"],
  },
];

/** The metric that stands for each headline, of those in `names`; a headline without one is left out. */
export const headlineMetrics = (names: Iterable<string>): Map<Headline["id"], string> => {
  const known = new Set(names);
  return new Map(
    headlines.flatMap(({ id, metrics }) => {
      const name = metrics.find((candidate) => known.has(candidate));
      return name === undefined ? [] : [[id, name] as const];
    }),
  );
};

/** Where a step's time went: a line of timings.jsonl. */
export interface StepTiming {
  readonly tokens: number;
  /** By phase. */
  readonly seconds: StepNumbers;
  /** See RunEvents.timing. */
  readonly knownSizes?: number | null;
}

/** The step's own seconds, an evaluation after it left out, and the tokens that it sampled per second of them. */
export const timingMetrics = ({ tokens, seconds, knownSizes = null }: StepTiming): StepNumbers => {
  const total = Object.entries(seconds).reduce((sum, [phase, value]) => sum + (phase === "evaluation" ? 0 : value), 0);
  return {
    "timing/step_seconds": total,
    ...(total > 0 ? { "timing/tokens_per_second": tokens / total } : {}),
    ...(knownSizes === null ? {} : { "timing/known_sizes": knownSizes }),
  };
};
