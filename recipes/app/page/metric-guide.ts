/** What a metric is, in a line, and which way it should go. */
import { catalogue } from "../show/catalogue.ts";
import type { Better } from "./contract.ts";

export interface Guide {
  readonly about: string;
  readonly better: Better;
  /** "" for a share or a plain number. */
  readonly unit: string;
}

type Line = readonly [name: RegExp, about: string, better: Better, unit?: string];

/** The first that fits counts; $1 is what the pattern's group found. */
const lines: readonly Line[] = [
  [/^reward\/mean$/, "mean reward of the step's samples", "up"],
  [/^reward\/std$/, "spread of the rewards over the step's samples: at 0 there is nothing to learn from", "none"],
  [/^reward\/part\/(.+)$/, "the part “$1” of the reward, mean over the samples", "up"],
  [/^shortcut\/accuracy_prior_(wrong|right)$/, "share of the responses that are right where the prior is $1", "up"],
  [/^shortcut\/fooled$/, "of the responses where the prior is wrong, the share that give its answer", "down"],
  [/^shortcut\/followed$/, "share of the responses whose answer is the prior's, looked or not", "none"],
  [/^reward\/failures$/, "samples whose reward could not be computed", "down"],
  [/^rollout\/length$/, "mean tokens of a response: a sudden rise or fall is a sign of trouble", "none", "tokens"],
  [/^rollout\/truncated$/, "share of responses that ended at the length limit", "down"],
  [
    /^rollout\/entropy$/,
    "how undecided the policy is: near 0 it has stopped exploring, a steady rise is drifting apart",
    "none",
    "nats per token",
  ],
  [
    /^rollout\/groups_with_spread$/,
    "share of groups whose rewards differ: the others give no gradient; 0.3 to 0.9 is usual",
    "none",
  ],
  [
    /^rollout\/groups_beside$/,
    "groups trained on beside the step's own: kept ones, and those of further roles",
    "none",
  ],
  [/^role\/(.+)\/reward$/, "mean reward of the role “$1”", "up"],
  [/^role\/(.+)\/length$/, "mean tokens of a response in the role “$1”", "none", "tokens"],
  [/^rollout\/groups_(\w+)$/, "groups of responses $1 in the step", "none"],
  [/^rollout\/rounds$/, "rounds of sampling that the step took", "down"],
  [
    /^rollout\/parity/,
    "difference of sampler and learner on the same tokens: above 0.01 something is wrong",
    "down",
    "nats",
  ],
  [/^data\/skipped$/, "rows left out so far", "down"],
  [/^loss\/total$/, "the whole loss; it moves with the advantages and measures no progress", "none"],
  [/^loss\/(.+)$/, "value of the term “$1”, before its coefficient", "none"],
  [/^ledger\/(.+)\/weighted$/, "what “$1” adds to the loss, its coefficient included", "none"],
  [/^ledger\/(.+)\/factor$/, "the coefficient of “$1” with its sign", "none"],
  [/^ledger\/(.+)\/norm$/, "how hard “$1” pulls: norm of the gradient that it sends to the log-probs", "none"],
  [/^ledger\/(.+)\/cosine$/, "whether “$1” pulls where the objective does (1) or against it (−1)", "none"],
  [/^ledger\/(.+)\/share$/, "share of tokens that “$1” acts on", "none"],
  [/^learner\/gradient_norm$/, "norm of the gradient before clipping: spikes mean steps that are too large", "none"],
  [/^learner\/learning_rate$/, "the learning rate in force", "none"],
  [/^learner\/updates$/, "updates of the weights in the step", "none"],
  [/^learner\/skipped_updates$/, "updates left out because the gradient was not finite", "down"],
  [/^coefficient\/(.+)$/, "the coefficient “$1” in force", "none"],
  [/^policy\/clip_high$/, "share of tokens whose ratio was cut from above: a few per cent are usual", "none"],
  [/^policy\/clip_low$/, "share of tokens whose ratio was cut from below", "none"],
  [/^policy\/clip_dual$/, "share of tokens cut by the second bound of negative advantages", "down"],
  [/^policy\/ratio$/, "mean of π/π_old over tokens: far from 1 the updates are too large", "none"],
  [/^policy\/approx_kl$/, "how far the policy moved within the step", "down", "nats per token"],
  [
    /^(?:observe|papo)\/perception_kl$/,
    "how much the words depend on the picture: rising is looking more, exploding is collapse",
    "up",
    "nats per token",
  ],
  [
    /^(?:observe\/masked_entropy|papo\/entropy_masked)$/,
    "how undecided the policy is when the picture is masked",
    "none",
    "nats per token",
  ],
  [
    /^observe\/entropy$/,
    "how undecided the policy is: entropy of its whole distribution, by EntropyProbePlugin",
    "none",
    "nats per token",
  ],
  [/^evaluation\/average$/, "share of right answers to questions that are not trained on", "up"],
  [
    /^evaluation\/visual_dependence$/,
    "accuracy with the real pictures minus accuracy without: what looking gives",
    "up",
  ],
  [/^timing\/tokens_per_second$/, "tokens sampled per second of the step", "up", "tokens/s"],
  [/^timing\/step_seconds$/, "seconds of the step, evaluations left out", "down", "s"],
  [/^timing\/seconds\/(.+)$/, "seconds of the phase “$1”", "down", "s"],
  [/^timing\/terms\/(.+)$/, "seconds of the scores that “$1” asks for", "down", "s"],
  [/^timing\/known_sizes$/, "share of programs' runs at sizes known before, which compile nothing", "up"],
];

/** What a plugin's own documentation says of a metric: "Metric: apo/kl_weight, the mean weight over tokens." */
function documented(name: string): string | null {
  for (const { metrics } of catalogue.values()) {
    const at = metrics.indexOf(name);
    if (at < 0) continue;
    const about = /^[,:]?\s*([^;]+?)(?:[;.]\s|[;.]?$)/.exec(metrics.slice(at + name.length))?.[1];
    if (about !== undefined && /^[a-z]/i.test(about)) return about;
  }
  return null;
}

/** Never empty: a metric that nobody describes is called what it is. */
export function guideOf(name: string): Guide {
  for (const [pattern, about, better, unit = ""] of lines) {
    const found = pattern.exec(name);
    if (found !== null) return { about: about.replace("$1", found[1] ?? ""), better, unit };
  }
  // A labelled plugin's metrics mean what those of its class do.
  const own = documented(name) ?? documented(name.replace(/:[\w-]+$/, ""));
  return {
    about: own ?? "a metric of a plugin of this run",
    better: "none",
    unit: /\bnats\b/.test(own ?? "") ? "nats" : "",
  };
}
