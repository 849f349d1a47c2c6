/** Who says whether an answer is right, and what is wrong with it. */
import { writtenText, type Sample } from "@papo/core";
import type { Verifier } from "@papo/plugins";
import type { Answer } from "./question.ts";

export interface Judgement
  extends Pick<Answer, "outcome" | "found" | "errorClass" | "consistent">, Partial<Pick<Answer, "note">> {
  /** What the gold answer was read as. */
  readonly expected: string | null;
}

export type Judge = (sample: Sample) => Judgement | Promise<Judgement>;

/**
 * Mathematical equivalence with the row's answer; a row's column "choices" is that of a multiple-choice question, and a
 * number in its column "precision" the decimals to which a number must agree (MathVista, arXiv:2310.02255). Whether
 * something was seen wrongly it cannot know.
 */
export const verifierJudge =
  (verifier: Pick<Verifier, "verify">): Judge =>
  async ({ prompt: { row }, response }) => {
    const {
      outcome: strict,
      expected,
      found,
      consistent,
      usableGold,
    } = await verifier.verify(row.answer, writtenText(response), row.fields["choices"]);
    if (!usableGold) return { outcome: "unusable gold", expected, found, consistent, errorClass: null };
    const outcome = strict === "wrong" && agreesTo(row.fields["precision"], row.answer, found!) ? "right" : strict;
    const unusable = outcome === "no answer" || outcome === "unreadable";
    return {
      outcome,
      expected,
      found,
      consistent,
      errorClass: outcome === "right" ? null : unusable ? "format" : consistent === false ? "inconsistency" : null,
    };
  };

function agreesTo(decimals: unknown, gold: string, found: string): boolean {
  if (typeof decimals !== "number" || !Number.isInteger(decimals) || decimals < 0 || decimals > 10) return false;
  const [wanted, given] = [numberIn(gold), numberIn(found)];
  return wanted !== null && given !== null && wanted.toFixed(decimals) === given.toFixed(decimals);
}

/** A decimal number, a currency before it or a unit after it. */
function numberIn(text: string): number | null {
  const digits =
    /^\s*\\?[$€£]?\s*([-+]?(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d+)?)\s*(?:[a-zA-Z°²³/\\{}\s%]*)$/.exec(text)?.[1] ?? "";
  return /\d/.test(digits) ? Number(digits.replaceAll(",", "")) : null;
}

/**
 * A recipe's own rewards: a part named accuracy decides, and without one a reward above one half counts as right. The
 * verifier only reads what was answered, so that answers can be voted for.
 */
export const rewardJudge =
  (verifier: Pick<Verifier, "verify">): Judge =>
  async ({ prompt: { row }, response: { text }, parts, reward, notes }) => ({
    outcome: (parts["accuracy"] ?? reward) > 0.5 ? "right" : "wrong",
    expected: row.answer,
    found: (await verifier.verify(row.answer, text, row.fields["choices"])).found,
    note: Object.values(notes).join("; ") || null,
    errorClass: null,
    consistent: null,
  });
