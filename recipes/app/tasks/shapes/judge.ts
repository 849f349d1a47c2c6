/** Every response is classified by rule; no judge model is asked. */
import { lastTurn, type Row, type Scorer } from "@papo/core";
import { checkFacts } from "./facts.ts";
import { kindOf } from "./questions.ts";
import { readTruth, type Truth } from "./truth.ts";

/** Why an answer is wrong. The first that applies, in this order. */
export const errorClasses = [
  /**
   * Not of the form `<think> facts ; conclusion </think> \boxed{ answer }` or `<think> </think> \boxed{ answer }`.
   * Never correct.
   */
  "format",
  /** Wrong without stated facts: nothing shows whether it saw or thought wrongly. */
  "direct",
  /** The answer that was reasoned out is not the one in the box. */
  "inconsistency",
  /** A stated fact is false, or a list of facts is not whole. */
  "perception",
  /** The facts are true, and what was made of them is wrong. */
  "reasoning",
] as const;

export type ErrorClass = (typeof errorClasses)[number];

/** What a response turned out to be. */
export interface Judgement {
  /** Well-formed, with the right answer in the box. */
  readonly correct: boolean;
  /** Null when correct. */
  readonly errorClass: ErrorClass | null;
  /** Correct although a stated fact is false or one of a whole list is missing. */
  readonly falseFacts: boolean;
  /** True when no facts were stated. */
  readonly direct: boolean;
  /** The box's content; null when the form is broken. */
  readonly answer: string | null;
  /** The answer at the end of the reasoning; null without reasoning. */
  readonly reasoned: string | null;
  readonly statedFacts: readonly string[];
  /** Stated facts that are not true. */
  readonly untrueFacts: readonly string[];
  /** Facts that the answer needs and that were not stated; empty when none were stated at all. */
  readonly missingFacts: readonly string[];
}

interface Parsed {
  readonly facts: readonly string[];
  readonly reasoned: string | null;
  readonly answer: string;
}

const ends = ["<|im_end|>", "<|endoftext|>"];
const form = /^<think> (?:(.*) )?<\/think> \\boxed\{ (.+) \}$/;
const forbidden = /<|>|\{|\}/;

/** Read a response of either form; null when it has neither. Closing end-of-turn tokens do not count. */
export function parseResponse(text: string): Parsed | null {
  const words = text.split(/\s+/).filter((word) => word !== "");
  while (ends.includes(words.at(-1) ?? "")) words.pop();
  const [, thought, answer = ""] = form.exec(words.join(" ")) ?? [];
  if (answer === "" || forbidden.test(answer) || forbidden.test(thought ?? "")) return null;
  if (thought === undefined) return { facts: [], reasoned: null, answer };
  const [facts = "", conclusion = "", ...rest] = thought.split(";").map((part) => part.trim());
  const reasoned = (conclusion.split(/[,=]/).at(-1) ?? "").trim();
  const statements = facts.split(",").map((fact) => fact.trim());
  if (rest.length > 0 || reasoned === "" || statements.includes("")) return null;
  return { facts: statements, reasoned, answer };
}

const brokenForm: Judgement = {
  correct: false,
  errorClass: "format",
  falseFacts: false,
  direct: false,
  answer: null,
  reasoned: null,
  statedFacts: [],
  untrueFacts: [],
  missingFacts: [],
};

/** Classify a response to a question of this task. Takes any text. */
export function judge(text: string, truth: Truth): Judgement {
  const parsed = parseResponse(text);
  if (parsed === null) return brokenForm;
  const { facts, reasoned, answer } = parsed;
  const direct = reasoned === null;
  const kind = kindOf(truth.kind);
  const { untrue, missing } = direct
    ? { untrue: [], missing: [] }
    : checkFacts(facts, truth.facts, truth.scene, kind.wholeList);
  const seenWrongly = untrue.length > 0 || (kind.wholeList && missing.length > 0);
  const correct = answer === truth.answer;
  const errorOf = (): ErrorClass => {
    if (direct) return "direct";
    if (reasoned !== answer) return "inconsistency";
    return seenWrongly ? "perception" : "reasoning";
  };
  return {
    correct,
    errorClass: correct ? null : errorOf(),
    falseFacts: correct && seenWrongly,
    direct,
    answer,
    reasoned,
    statedFacts: facts,
    untrueFacts: untrue,
    missingFacts: missing,
  };
}

/** Classify a response to a dataset row. Throws when the row is not one of this task. */
export const judgeRow = (text: string, row: Row): Judgement => judge(text, readTruth(row));

/** What a judgement is called in reports: an error class, "correct" or "correct, false facts". */
export const verdictOf = (judgement: Judgement): string =>
  judgement.errorClass ?? (judgement.falseFacts ? "correct, false facts" : "correct");

/**
 * The reward's parts, 1 or 0 each: accuracy (weight 0.9; its note is the verdict) and format (0.1; either form will
 * do). The weights are those of PAPO's recipe (arXiv:2507.06448).
 */
export function shapesScorers(
  weights: { readonly accuracy: number; readonly format: number } = { accuracy: 0.9, format: 0.1 },
): Scorer[] {
  const common = { timeoutSeconds: 10, onFailure: "stop" } as const;
  return [
    {
      ...common,
      name: "accuracy",
      weight: weights.accuracy,
      score({ prompt, response }) {
        const judgement = judgeRow(lastTurn(response), prompt.row);
        return { value: judgement.correct ? 1 : 0, note: verdictOf(judgement) };
      },
    },
    {
      ...common,
      name: "format",
      weight: weights.format,
      score: ({ response }) => (parseResponse(lastTurn(response)) === null ? 0 : 1),
    },
  ];
}
