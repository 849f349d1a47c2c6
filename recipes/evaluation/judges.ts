/** Who says whether an answer is right, and what is wrong with it. */
import type { Sample } from "@papo/core";
import type { Verifier } from "@papo/plugins";
import type { Answer } from "./question.ts";

export interface Judgement extends Pick<Answer, "outcome" | "found" | "errorClass" | "consistent"> {
  /** What the gold answer was read as. */
  readonly expected: string | null;
}

export type Judge = (sample: Sample) => Judgement | Promise<Judgement>;

/** Mathematical equivalence with the row's answer; a row's column "choices" is that of a multiple-choice question. Whether something was seen wrongly it cannot know. */
export const verifierJudge = (verifier: Pick<Verifier, "verify">): Judge => async ({ prompt: { row }, response: { text } }) => {
  const { outcome, expected, found, consistent } = await verifier.verify(row.answer, text, row.fields["choices"]);
  const unusable = outcome === "no answer" || outcome === "unreadable";
  return { outcome, expected, found, consistent, errorClass: outcome === "right" ? null : unusable ? "format" : consistent === false ? "inconsistency" : null };
};

/** A recipe's own rewards: a part named accuracy decides, and without one a reward above one half counts as right. */
export const rewardJudge: Judge = ({ prompt: { row }, parts, reward, notes }) => ({
  outcome: (parts["accuracy"] ?? reward) > 0.5 ? "right" : "wrong",
  expected: row.answer,
  found: Object.values(notes).join("; ") || null,
  errorClass: null,
  consistent: null,
});
