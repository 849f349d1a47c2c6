/**
 * The metrics a reader looks at first, found among whatever names a run's plugins gave theirs. What PerceptionProbePlugin measures
 * comes before what a recipe measures of itself: it is the same for all recipes.
 */

export interface Headline {
  readonly id: "reward" | "accuracy" | "perceptionKl" | "entropy" | "maskedEntropy" | "length" | "clip" | "gradientNorm" | "evaluation" | "visualDependence";
  /** Short, for a display. */
  readonly short: string;
  /** For a report. */
  readonly title: string;
  /** Tried in order; the first metric that fits one is taken. */
  readonly patterns: readonly RegExp[];
}

export const headlines: readonly Headline[] = [
  { id: "reward", short: "reward", title: "Reward", patterns: [/^reward(\/(mean|total))?$/] },
  {
    id: "accuracy",
    short: "accuracy",
    title: "Accuracy of the training samples",
    patterns: [/^reward\/(part\/)?accuracy$/, /^reward\/.*accuracy/, /(^|\/)accuracy$/, /^reward\/.*(correct|answer)/],
  },
  {
    id: "perceptionKl",
    short: "KL_prcp",
    title: "Perception KL (KL_prcp), nats per token",
    patterns: [/^observe\/perception_kl$/, /^(?!loss\/).*(perception_kl|kl_prcp)/, /perception_kl|kl_prcp/],
  },
  {
    id: "entropy",
    short: "entropy",
    title: "Entropy of the policy, nats per token",
    patterns: [/^rollout\/entropy$/, /^(?!loss\/)(?!.*mask).*entropy/, /^(?!.*mask).*entropy/],
  },
  {
    id: "maskedEntropy",
    short: "masked entropy",
    title: "Entropy under the masked picture, nats per token",
    patterns: [/^observe\/masked_entropy$/, /^(?!loss\/).*(mask.*entropy|entropy.*mask)/, /mask.*entropy|entropy.*mask/],
  },
  {
    id: "length",
    short: "length",
    title: "Response length, tokens",
    patterns: [/^rollout\/length(_mean)?$/, /(^|\/)(response_)?length/],
  },
  { id: "clip", short: "clip", title: "Share of clipped tokens", patterns: [/clip.*(fraction|share)/, /clip/] },
  { id: "evaluation", short: "unseen", title: "Accuracy on unseen questions", patterns: [/^evaluation\/average$/] },
  { id: "visualDependence", short: "dependence", title: "Visual dependence: accuracy with the real pictures minus without", patterns: [/^evaluation\/visual_dependence$/] },
  { id: "gradientNorm", short: "|gradient|", title: "Gradient norm before clipping", patterns: [/(gradient|grad).?norm$/i, /gradient|grad_/i] },
];

/** The metric that stands for each headline, of those in `all`; a headline without one is left out. */
export const headlineMetrics = (all: readonly string[]): Map<Headline["id"], string> => {
  // A coefficient is named after what it weights, and is not it.
  const names = all.filter((name) => !name.startsWith("coefficient/"));
  const found = new Map<Headline["id"], string>();
  for (const { id, patterns } of headlines) {
    for (const pattern of patterns) {
      const name = names.find((candidate) => pattern.test(candidate));
      if (name !== undefined) {
        found.set(id, name);
        break;
      }
    }
  }
  return found;
};
