/** What a report shows of an evaluation's folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { needsPicture, needsPictureColumn, readQuestions, type Question } from "../evaluation/question.ts";
import { scoresOf, type Scores } from "../evaluation/scores.ts";
import type { Estimate } from "../evaluation/statistics.ts";
import type { Accuracy, Evaluation, Share } from "./run-record.ts";

/** Null where nothing was evaluated. The answers at T = 1, where there are some, are in the folder "sampled". @throws Error when a file of it cannot be read */
export function readEvaluation(folder: string): Evaluation | null {
  const questions = readQuestions(join(folder, "questions.jsonl"));
  if (questions.length === 0) return null;
  const sampled = existsSync(join(folder, "sampled")) ? readQuestions(join(folder, "sampled", "questions.jsonl")) : [];
  return evaluationOf(questions, sampled);
}

export function evaluationOf(questions: readonly Question[], sampled: readonly Question[] = []): Evaluation {
  const scores = scoresOf(questions, []);
  const needing = questions.filter(needsPicture);
  const { evidence } = needing.length > 0 ? scoresOf(needing, []) : scores;
  return { greedy: accuracyOf(scores), sampled: sampled.length === 0 ? null : accuracyOf(scoresOf(sampled, [])), errors: errorsOf(scores), klPrcp: evidence["masked"]?.kl.value ?? null, questions };
}

function accuracyOf({ average, categories, questions }: Scores): Accuracy {
  const needing = categories[needsPictureColumn]?.["true"];
  return { overall: shareOf(average, questions), visionDependent: needing === undefined ? null : shareOf(needing, needing.questions) };
}

const shareOf = ({ value, low, high }: Estimate, n: number): Share => ({ accuracy: value, low, high, n });

/** Classes as shares of all answers; empty where no answer was sorted. */
function errorsOf({ outcomes, errors }: Scores): Record<string, number> {
  const { "false facts": falseFacts, ...classes } = Object.fromEntries(Object.entries(errors).map(([name, { value }]) => [name, value]));
  if (Object.keys(classes).every((name) => name === "unsorted") && falseFacts === undefined) return {};
  return { correct: (outcomes["right"] ?? 0) - (falseFacts ?? 0), ...(falseFacts === undefined ? {} : { "correct, false facts": falseFacts }), ...classes };
}
