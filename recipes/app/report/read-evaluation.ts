/** What a report shows of an evaluation's folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile } from "@papo/core";
import { z } from "zod";
import { needsPicture, needsPictureColumn, priorColumn, readQuestions, type Question } from "../evaluation/question.ts";
import { scoresOf, type Scores } from "../evaluation/scores.ts";
import type { Estimate } from "../evaluation/statistics.ts";
import type { Accuracy, Evaluation, Sampling, Share } from "./run-record.ts";

const settingsSchema = z
  .object({
    model: z.string(),
    data: z.string(),
    samples: z.number(),
    temperature: z.number(),
    topP: z.number(),
    topK: z.number(),
    maxNewTokens: z.number(),
    seed: z.number(),
  })
  .partial();

/**
 * Null where nothing was evaluated. The same questions sampled otherwise, where they were, are in the folder "sampled".
 * @throws Error when a file of it cannot be read
 */
export function readEvaluation(folder: string): Evaluation | null {
  const questions = readQuestions(join(folder, "questions.jsonl"));
  if (questions.length === 0) return null;
  const other = join(folder, "sampled");
  const sampled = existsSync(other) ? readQuestions(join(other, "questions.jsonl")) : [];
  return evaluationOf(questions, samplingIn(folder), sampled, samplingIn(other));
}

function samplingIn(folder: string): Sampling {
  const file = join(folder, "settings.json");
  return existsSync(file)
    ? (readJsonFile(
        file,
        settingsSchema,
        "it says how the answers beside it were sampled; bring it back from a copy",
      ) as Sampling)
    : {};
}

export function evaluationOf(
  questions: readonly Question[],
  sampling: Sampling = {},
  sampled: readonly Question[] = [],
  sampledHow: Sampling = {},
): Evaluation {
  const scores = scoresOf(questions, []);
  const needing = questions.filter(needsPicture);
  const { evidence } = needing.length > 0 ? scoresOf(needing, []) : scores;
  return {
    accuracy: accuracyOf(questions, scores, sampling),
    sampled: sampled.length === 0 ? null : accuracyOf(sampled, scoresOf(sampled, []), sampledHow),
    errors: errorsOf(scores),
    klPrcp: evidence["masked"]?.kl.value ?? null,
    questions,
  };
}

function accuracyOf(questions: readonly Question[], { average, categories }: Scores, sampling: Sampling): Accuracy {
  const part = (column: string, value: string): Share | null => {
    const own = categories[column]?.[value];
    return own === undefined ? null : shareOf(own, own.questions);
  };
  const samples = Math.max(...questions.map(({ answers }) => answers.length));
  return {
    measure: measureOf(samples, sampling),
    sampling: { samples, ...sampling },
    overall: shareOf(average, questions.length),
    visionDependent: part(needsPictureColumn, "true"),
    priorWrong: part(priorColumn, "wrong"),
  };
}

/** "greedy", "avg@4 at T = 1, top-p 0.9". */
export function measureOf(samples: number, { temperature, topP = 1, topK = 0 }: Sampling): string {
  if (temperature === 0 && samples === 1) return "greedy";
  const cut = [...(topP < 1 ? [`top-p ${topP}`] : []), ...(topK > 0 ? [`top-k ${topK}`] : [])];
  return [`avg@${samples}${temperature === undefined ? "" : ` at T = ${temperature}`}`, ...cut].join(", ");
}

const shareOf = ({ value, low, high }: Estimate, n: number): Share => ({ accuracy: value, low, high, n });

/** Classes as shares of all answers; empty where no answer was sorted. */
function errorsOf({ outcomes, errors }: Scores): Record<string, number> {
  const { "false facts": falseFacts, ...classes } = Object.fromEntries(
    Object.entries(errors).map(([name, { value }]) => [name, value]),
  );
  if (Object.keys(classes).every((name) => name === "unsorted") && falseFacts === undefined) return {};
  return {
    correct: (outcomes["right"] ?? 0) - (falseFacts ?? 0),
    ...(falseFacts === undefined ? {} : { "correct, false facts": falseFacts }),
    ...classes,
  };
}
