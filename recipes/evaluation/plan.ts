/** What a run measures itself by: before it, after it, and in between. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, parseOptions, type Dataset, type EvaluationInLoop, type OpenPolicy, type Plugin } from "@papo/core";
import { z } from "zod";
import type { Data } from "../data-source.ts";
import type { Display } from "../display/live.ts";
import { evaluateConditions, evaluationMetrics } from "./evaluate-conditions.ts";
import { rewardJudge } from "./judges.ts";
import { conditionsOf, type PictureCondition } from "./pictures.ts";
import type { Question } from "./question.ts";

export interface EvaluationPlan {
  /** Rows that the run is not trained on. */
  readonly data: Data;
  /** Measure after every so many steps too; default: before and after the run alone. */
  readonly every?: number;
  /** Answers to each question; default 1, greedy. */
  readonly samples?: number;
  /** Of several answers; default 1. */
  readonly temperature?: number;
  /** Columns whose values are categories; "a.b" is b of the column a. */
  readonly categories?: readonly string[];
  /** Conditions of the pictures besides the real ones: "masked", "blank", "swapped", "absent". Their difference is the metric evaluation/visual_dependence. */
  readonly pictures?: readonly Exclude<PictureCondition, "real">[];
}

const schema = z.strictObject({
  data: z.unknown(),
  every: z.int().positive().optional(),
  samples: z.int().positive().default(1),
  temperature: z.number().nonnegative().optional(),
  categories: z.array(z.string()).default([]),
  pictures: z.array(z.string()).default([]),
});

/** A run file's `evaluation`: rows alone, or a plan. */
export type Evaluation = Data | EvaluationPlan;

export const isPlan = (evaluation: Evaluation): evaluation is EvaluationPlan => typeof evaluation === "object" && "data" in evaluation;

/** What is measured, with its options checked. @throws Error naming the option at fault */
export function planOf(evaluation: Evaluation): Omit<z.output<typeof schema>, "data" | "pictures"> & { readonly data: Data; readonly conditions: readonly PictureCondition[] } {
  const { data, pictures, ...rest } = parseOptions("evaluation", schema, isPlan(evaluation) ? evaluation : { data: evaluation });
  return { ...rest, data: data as Data, conditions: conditionsOf("evaluation: pictures", pictures) };
}

export interface RunEvaluation {
  readonly policy: OpenPolicy;
  readonly plan: ReturnType<typeof planOf>;
  readonly dataset: Dataset;
  /** Whose rewards judge. */
  readonly plugins: readonly Plugin[];
  readonly maxNewTokens: number;
  /** The run's folder: results go to evaluation/<moment>. */
  readonly output: string;
  readonly display: Display;
}

/** Measure afresh: what an earlier run left under this moment is not of these weights. */
export async function measure(moment: string, { policy, plan, dataset, plugins, maxNewTokens, output, display }: RunEvaluation): Promise<ReadonlyMap<PictureCondition, readonly Question[]>> {
  const folder = join(output, "evaluation", moment);
  rmSync(folder, { recursive: true, force: true });
  const { samples, temperature = samples === 1 ? 0 : 1, categories, conditions } = plan;
  const scorers = [...createHost(plugins, { seed: 1 }).scorers.values()];
  const settings = { model: moment, data: dataset.name, samples, temperature, topP: 1, topK: 0, maxNewTokens, seed: 1 };
  return evaluateConditions({
    policy, dataset, settings, conditions, categories, scorers, judge: rewardJudge, output: folder, pictures: output,
    onCondition: (condition) => display.phase(`evaluating ${dataset.size} rows ${moment}${condition === "real" ? "" : `, pictures ${condition}`}`, dataset.size),
  });
}

/** The same while the run is on, as metrics evaluation/…; null where the plan has none. */
export function inLoop(evaluation: RunEvaluation): EvaluationInLoop | null {
  const { every, samples } = evaluation.plan;
  if (every === undefined) return null;
  return { every, measure: async ({ step }) => evaluationMetrics(await measure(`step-${step}`, evaluation), samples) };
}
