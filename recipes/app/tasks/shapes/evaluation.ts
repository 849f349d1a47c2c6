/**
 * Measure a policy on scenes it has not seen: accuracies, error classes, and how much its words depend on the picture.
 */
import { join } from "node:path";
import {
  createHost,
  lastTurn,
  type Dataset,
  type Environment,
  type Plugin,
  type Policy,
  type RunSettingsInput,
} from "@papo/core";
import { evaluateModel, type EvaluationSettings } from "../../evaluation/evaluate-model.ts";
import type { Judge } from "../../evaluation/judges.ts";
import { needsPictureColumn, priorColumn, type Question } from "../../evaluation/question.ts";
import { fooledScorer } from "../shortcut/prior-probe.ts";
import { judgeRow, shapesScorers } from "./judge.ts";

/** Longest response of the task with room to spare, tokens. */
const maxNewTokens = 40;

/** How a recipe that has environments answers: with them, and as long as it may. */
export function answeringOf(
  plugins: readonly Plugin[],
  { sampling }: RunSettingsInput,
): Pick<ShapesEvaluationOptions, "environments" | "maxNewTokens"> {
  const environments = [...createHost(plugins, { seed: 1 }).environments.values()];
  return environments.length === 0
    ? {}
    : { environments, maxNewTokens: Math.max(maxNewTokens, sampling?.maxNewTokens ?? 0) };
}

/** Rules of the task: every stated fact is checked against the scene, no judge model is asked. */
export const shapesJudge: Judge = ({ prompt: { row }, response }) => {
  const { correct, errorClass, falseFacts, answer, reasoned } = judgeRow(lastTurn(response), row);
  return {
    outcome: correct ? "right" : answer === null ? "no answer" : "wrong",
    expected: row.answer,
    found: answer,
    errorClass: errorClass ?? (falseFacts ? "false facts" : null),
    consistent: reasoned === null ? null : reasoned === answer,
  };
};

/**
 * Columns of the rows: the kind of a question, whether its answer is in the picture, and, in shortcut tasks, whether
 * the prior is right.
 */
export const shapesCategories = [needsPictureColumn, priorColumn, "kind"];

const settingsOf = (dataset: Dataset, changes: Partial<EvaluationSettings>): EvaluationSettings => ({
  model: "the policy",
  data: dataset.name,
  samples: 1,
  temperature: 0,
  topP: 1,
  topK: 0,
  maxNewTokens,
  seed: 1,
  pictures: "real",
  ...changes,
});

export interface ShapesEvaluation {
  readonly greedy: readonly Question[];
  /** One answer at T = 1 to each question; null when none was asked for. */
  readonly sampled: readonly Question[] | null;
}

export interface ShapesEvaluationOptions {
  readonly policy: Policy;
  readonly dataset: Dataset;
  /** Default true. */
  readonly sampled?: boolean;
  readonly seed?: number;
  /** Who answers between turns; default: nobody. */
  readonly environments?: readonly Environment[];
  /** Tokens of an answer at most; default: those of one turn with room to spare. */
  readonly maxNewTokens?: number;
  /** The evaluation's folder, the answers at T = 1 in its folder "sampled"; default: none is written. */
  readonly output?: string | null;
  /** The run's folder, for pictures; default: none is written. */
  readonly pictures?: string | null;
  readonly onProgress?: (done: number, total: number) => void;
  /** See EvaluationOptions. */
  readonly signal?: AbortSignal;
}

export async function evaluateShapes({
  policy,
  dataset,
  sampled = true,
  seed = 1,
  environments = [],
  maxNewTokens: most = maxNewTokens,
  output = null,
  pictures = null,
  onProgress,
  signal,
}: ShapesEvaluationOptions): Promise<ShapesEvaluation> {
  const total = dataset.size * (sampled ? 2 : 1);
  const digest = await policy.learner.digest?.();
  const answering = environments.length === 0 ? {} : { environments: environments.map(({ name }) => name) };
  const of = { seed, maxNewTokens: most, ...answering, ...(digest === undefined ? {} : { weights: digest }) };
  const common = {
    policy,
    dataset,
    judge: shapesJudge,
    scorers: [...shapesScorers(), fooledScorer],
    environments,
    categories: shapesCategories,
    ...(signal === undefined ? {} : { signal }),
  };
  const greedy = await evaluateModel({
    ...common,
    settings: settingsOf(dataset, of),
    evidence: ["masked"],
    output,
    pictures,
    onProgress: (done) => onProgress?.(done, total),
  });
  if (!sampled) return { greedy, sampled: null };
  const own = output === null ? null : join(output, "sampled");
  return {
    greedy,
    sampled: await evaluateModel({
      ...common,
      settings: settingsOf(dataset, { ...of, temperature: 1 }),
      output: own,
      onProgress: (done) => onProgress?.(dataset.size + done, total),
    }),
  };
}

/** Greedy answers with each question's picture swapped for another scene's: what the model does not see. */
export const evaluateSwapped = (policy: Policy, dataset: Dataset): Promise<Question[]> =>
  evaluateModel({
    policy,
    dataset,
    judge: shapesJudge,
    settings: settingsOf(dataset, { pictures: "swapped" }),
    categories: shapesCategories,
    output: null,
  });
