/** Loss kinds of the golden files as plugins, and the files' arrays as minibatches. */
import type { Plugin, Reduction } from "@papo/core";
import type { MinibatchInput, Rows } from "@papo/core/testing";
import {
  ClippedObjectivePlugin,
  DifficultyKlPlugin,
  DoubleEntropyPlugin,
  PerceptionKlPlugin,
  ReferenceKlPlugin,
  SequenceObjectivePlugin,
  WeightedObjectivePlugin,
} from "@papo/plugins";

/** One loss of a case with what torch says of it. */
export interface GoldenLoss {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly loss: number;
  readonly grad_logp: Rows | null;
  readonly grad_masked_logp: Rows | null;
}

export interface GoldenCase {
  readonly name: string;
  readonly seed: number;
  readonly max_len: number;
  readonly logp: Rows;
  readonly old_logp: Rows;
  readonly ref_logp: Rows;
  readonly masked_logp: Rows;
  readonly mask: Rows;
  readonly adv: Rows;
  /** Share of right responses in each row's group, [B]. */
  readonly pass_rate?: readonly number[];
  readonly losses: readonly GoldenLoss[];
}

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  token_mean: "token_mean",
  seq_mean_token_mean: "sequence_mean",
  seq_mean_token_mean_nonempty: "sequence_mean_nonempty",
  seq_mean_token_sum: "sequence_sum",
  seq_mean_token_sum_nonempty: "sequence_sum_nonempty",
  dr_grpo: "constant",
  seq_sum_norm: "constant_sum",
};

/** Options of a golden loss, each read by its type. */
class Options {
  readonly #loss: GoldenLoss;

  constructor(loss: GoldenLoss) {
    this.#loss = loss;
  }

  number(name: string): number {
    const value = this.#loss.options[name];
    if (typeof value !== "number")
      throw new Error(
        `the golden loss ${describeLoss(this.#loss)} has ${String(value)} as ${name}, a number is needed`,
      );
    return value;
  }

  /** Null and absent differ: absent gives `otherwise`. */
  numberOrNull(name: string, otherwise: number | null): number | null {
    const value = this.#loss.options[name];
    return value === undefined ? otherwise : value === null ? null : this.number(name);
  }

  boolean(name: string, otherwise: boolean): boolean {
    const value = this.#loss.options[name];
    return value === undefined ? otherwise : value === true;
  }

  text(name: string): string {
    return String(this.#loss.options[name]);
  }

  reduction(): Reduction {
    const agg = this.#loss.options["agg"] === undefined ? "token_mean" : this.text("agg");
    const reduction = REDUCTIONS[agg];
    if (reduction === undefined)
      throw new Error(`unknown reduction "${agg}"; known are ${Object.keys(REDUCTIONS).join(", ")}`);
    return reduction;
  }
}

export function describeLoss({ kind, options }: GoldenLoss): string {
  return `${kind} ${JSON.stringify(options)}`;
}

const policy = (options: Options): Plugin =>
  new ClippedObjectivePlugin({
    clipLow: options.number("clip_low"),
    clipHigh: options.number("clip_high"),
    dualClip: options.numberOrNull("dual_clip", null),
    logRatioClamp: options.numberOrNull("ratio_clamp", 20),
    reduction: options.reduction(),
  });

const referenceKl = (options: Options, estimator: string, coefficient: number): Plugin =>
  new ReferenceKlPlugin({
    estimator: estimator as "k1" | "k2" | "k3",
    coefficient,
    clamp: options.boolean("clamp", true),
    reduction: options.reduction(),
  });

const modeOf = (options: Options): "official" | "paper" =>
  options.boolean("detach_masked", true) ? "official" : "paper";

const perception = (options: Options): Plugin =>
  new PerceptionKlPlugin({
    coefficient: options.number("gamma"),
    mode: modeOf(options),
    reduction: options.reduction(),
  });

const entropies = (options: Options): Plugin =>
  new DoubleEntropyPlugin({
    original: options.number("eta"),
    masked: options.number("eta"),
    mode: modeOf(options),
    reduction: options.reduction(),
  });

const sequence = (options: Options, form: "sequence" | "token"): Plugin =>
  new SequenceObjectivePlugin({
    form,
    clipLow: options.number("clip_low"),
    clipHigh: options.number("clip_high"),
    reduction: options.reduction(),
  });

const weighted = (options: Options): Plugin => {
  const reduction = options.reduction();
  if (options.text("form") === "trl")
    return new WeightedObjectivePlugin({ form: "trl", maxRatio: options.number("max_ratio"), reduction });
  return new WeightedObjectivePlugin({
    form: "verl",
    clipLow: options.number("clip_low"),
    clipHigh: options.number("clip_high"),
    reduction,
  });
};

const difficulty = (options: Options, { pass_rate: rates = [] }: GoldenCase): Plugin =>
  new DifficultyKlPlugin({
    steepness: options.number("e"),
    passRate: (key) => rates[Number(key.replace("prompt-", ""))]!,
  });

const KINDS: Readonly<Record<string, (options: Options, golden: GoldenCase) => Plugin[]>> = {
  ppo_clip: (options) => [policy(options)],
  kl: (options) => [referenceKl(options, options.text("kind"), options.number("coef"))],
  ppo_plus_kl: (options) => [policy(options), referenceKl(options, options.text("kl"), options.number("beta"))],
  dr_grpo: (options) => [
    new ClippedObjectivePlugin({
      clipLow: options.number("clip_low"),
      clipHigh: options.number("clip_high"),
      dualClip: options.numberOrNull("dual_clip", null),
      logRatioClamp: options.numberOrNull("ratio_clamp", null),
      reduction: "constant",
    }),
  ],
  papo: (options) => [policy(options), perception(options), entropies(options)],
  papo_term: (options) => [perception(options)],
  papo_entropy: (options) => [entropies(options)],
  gspo_seq: (options) => [sequence(options, "sequence")],
  gspo_token: (options) => [sequence(options, "token")],
  cispo: (options) => [weighted(options)],
  apo_dads_kl: (options, golden) => [referenceKl(options, "k3", options.number("beta")), difficulty(options, golden)],
};

/** Whether plugins here make this kind of loss. */
export function isKnown({ kind }: GoldenLoss): boolean {
  return kind in KINDS;
}

/** The plugins that make a golden loss; a kind that is not known is an error. */
export function pluginsOf(loss: GoldenLoss, golden: GoldenCase): Plugin[] {
  const make = KINDS[loss.kind];
  if (make === undefined)
    throw new Error(
      `the golden file holds the loss kind "${loss.kind}", which no plugin here makes; known are ${Object.keys(KINDS).join(", ")}`,
    );
  return make(new Options(loss), golden);
}

/** A case's arrays. The masked log-probs stand for the old weights' and the current ones' alike. */
export function minibatchOf(golden: GoldenCase): MinibatchInput {
  return {
    logProbs: golden.logp,
    oldLogProbs: golden.old_logp,
    mask: golden.mask,
    advantages: golden.adv,
    // A row is a group of its own, since each has its own pass rate.
    groupOf: golden.adv.map((_, row) => row),
    maxNewTokens: golden.max_len,
    scores: {
      "original/reference/logProbs": golden.ref_logp,
      "masked/old/logProbs": golden.masked_logp,
      "masked/current/logProbs": golden.masked_logp,
    },
  };
}
