/** What a report knows of a run: read from its folder, or made by the caller. */
import type { EvaluationSettings } from "../evaluation/evaluate-model.ts";
import type { Question } from "../evaluation/question.ts";

/** A share of n cases with its 95 % interval, all in 0–1. */
export interface Share {
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** How the answers of an evaluation were sampled, as its settings.json says it; what it does not say is undefined. */
export type Sampling = Partial<Omit<EvaluationSettings, "pictures">>;

/** Shares of right answers under one way of sampling. */
export interface Accuracy {
  /** Answers to each question and how they were sampled: "greedy", "avg@4 at T = 1". */
  readonly measure: string;
  readonly sampling: Sampling;
  readonly overall: Share;
  /** On the questions that cannot be answered without looking; null when the data set does not say which. */
  readonly visionDependent: Share | null;
  /**
   * On the questions about which a prior, right or wrong, leads to a wrong answer; null where the data set knows of
   * none.
   */
  readonly priorWrong: Share | null;
}

export interface Evaluation {
  readonly accuracy: Accuracy;
  /** The same questions sampled otherwise; null when they were not. */
  readonly sampled: Accuracy | null;
  /**
   * Share of all answers by class (correct, perception, reasoning, inconsistency, format, …); empty when none was
   * sorted.
   */
  readonly errors: Readonly<Record<string, number>>;
  /**
   * Mean over the tokens of answers that need the picture of k3 of KL[π ‖ π_masked], nats; null when it was not
   * measured.
   */
  readonly klPrcp: number | null;
  /** Equal ids in two runs are compared in pairs. */
  readonly questions: readonly Question[];
}

export interface StepRecord {
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A line of samples.jsonl, as far as the report shows it. */
export interface SampleRow {
  readonly step: number;
  readonly key: string;
  readonly index: number;
  readonly question: string;
  readonly answer: string;
  readonly text: string;
  readonly finish: string;
  /** The text of each token; empty when unknown. */
  readonly pieces: readonly string[];
  /** Stretches of them that an environment wrote, first and after the last; absent where there are none. */
  readonly given?: readonly (readonly [from: number, end: number])[] | undefined;
  readonly reward: number | null;
  readonly parts: Readonly<Record<string, number>>;
  readonly notes: Readonly<Record<string, string>>;
  readonly logProbs: readonly number[];
  readonly advantages: readonly number[];
  /** Entropy of the whole distribution before each token, nats; empty where no plugin asked for it. */
  readonly entropy: readonly number[];
  /** Per view that was scored, one number per token. */
  readonly perceptionKl: Readonly<Record<string, readonly number[]>>;
  /** One entry per picture: file or data URL by view. Files are relative to the run's folder. */
  readonly pictures: readonly { readonly views: Readonly<Record<string, string>> }[];
}

/** What rollouts are chosen and sorted by. */
export interface RolloutHead {
  readonly step: number;
  readonly reward: number | null;
  /** What its notes say, each once. */
  readonly verdicts: readonly string[];
  /** Tokens that the policy wrote. */
  readonly length: number;
  /** Mean over its tokens, nats; null where no view was scored. */
  readonly perceptionKl: number | null;
}

/** The rollouts that a run logged, in the order of their steps; there may be far too many to hold at once. */
export interface Rollouts {
  readonly heads: readonly RolloutHead[];
  /** The rollout at this place; null where it can no longer be read. */
  read(place: number): SampleRow | null;
}

export interface Alarm {
  readonly kind: string;
  readonly step: number;
  readonly message: string;
}

export interface RunRecord {
  /** A training run, or an evaluation of a model, which is no recipe and has no training to compare. */
  readonly kind: "run" | "evaluation";
  /** Shown; unique among the runs of a report: "papo(grpo), seed 1". */
  readonly name: string;
  /** Runs of equal recipe are seeds of one another. */
  readonly recipe: string;
  readonly seed: number;
  /** Anything worth showing; nested objects are shown as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** By step. */
  readonly steps: readonly StepRecord[];
  readonly rollouts: Rollouts;
  readonly alarms: readonly Alarm[];
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  /** Where the samples' picture files are; null when they are data URLs. */
  readonly folder: string | null;
  /** What could not be read, one line each; shown in the report. */
  readonly problems: readonly string[];
}
