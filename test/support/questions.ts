/** Questions of an evaluation with one answer each, most of it filled in. */
import type { Answer, Question } from "../../recipes/app/evaluation/question.ts";

export const answerOf = (changes: Partial<Answer> = {}): Answer => ({
  text: "\\boxed{1}",
  outcome: "right",
  found: "1",
  note: null,
  errorClass: null,
  consistent: null,
  parts: {},
  tokens: 4,
  under: {},
  ...changes,
});

export const questionOf = (id: string, answer: Partial<Answer> = {}, changes: Partial<Question> = {}): Question => ({
  id,
  question: "How many?",
  gold: "1",
  expected: "1",
  categories: {},
  pictures: [],
  answers: [answerOf(answer)],
  ...changes,
});
