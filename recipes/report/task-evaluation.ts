/** From what a task's evaluation counts to what a report shows. */
import { z } from "zod";
import type { Accuracy, Evaluation, Share } from "./run-record.ts";

const share = z.object({ count: z.number(), total: z.number(), value: z.number(), low: z.number(), high: z.number() });

const summary = z.object({
  accuracy: share,
  visionDependent: share,
  /** Each class among the wrong answers. */
  errors: z.record(z.string(), share),
  /** Answers with false facts among the right ones that state facts. */
  rightWithFalseFacts: share.optional(),
});

/** A task's own evaluation, as far as a report needs it: counts with intervals, error classes among the wrong answers. */
export const taskEvaluation = z.object({
  greedy: summary,
  sampled: summary.nullable().default(null),
  klPrcp: z.number().nullable().default(null),
  outcomes: z.array(z.object({ id: z.string(), correct: z.boolean(), visionDependent: z.boolean() })).default([]),
});

/** The report's evaluation: error classes become shares of all greedy answers. */
export const evaluationFrom = ({ greedy, sampled, klPrcp, outcomes }: z.input<typeof taskEvaluation>): Evaluation => ({
  greedy: accuracyOf(greedy),
  sampled: sampled === null || sampled === undefined ? null : accuracyOf(sampled),
  errors: errorsOf(greedy),
  klPrcp: klPrcp ?? null,
  outcomes: outcomes ?? [],
});

const accuracyOf = ({ accuracy, visionDependent }: z.output<typeof summary>): Accuracy => ({
  overall: shareOf(accuracy),
  visionDependent: visionDependent.total === 0 ? null : shareOf(visionDependent),
});

const shareOf = ({ value, low, high, total }: z.output<typeof share>): Share => ({ accuracy: value, low, high, n: total });

const errorsOf = ({ accuracy, errors, rightWithFalseFacts }: z.output<typeof summary>): Record<string, number> => {
  const ofAll = (count: number): number => (accuracy.total === 0 ? 0 : count / accuracy.total);
  const falseFacts = rightWithFalseFacts?.count ?? 0;
  return {
    correct: ofAll(accuracy.count - falseFacts),
    "correct, false facts": ofAll(falseFacts),
    ...Object.fromEntries(Object.entries(errors).map(([name, { count }]) => [name, ofAll(count)])),
  };
};
