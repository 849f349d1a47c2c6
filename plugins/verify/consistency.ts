/** Whether an answer is the one that the response's own reasoning comes to. */

import { extractAnswer } from "./response/extract.ts";
import { verifyAnswer } from "./verify-answer.ts";

const cue = /\\boxed\s*\{|\b(?:final )?answers?(?:\s*\*{0,2}\s*(?:is|are|:|=|would be|should be))/gi;

/** Null: the response gives no answer, its thoughts name none, or one of the two cannot be read. */
export function isConsistent(response: string): boolean | null {
  const conclusion = conclusionOf(response);
  const found = conclusion === null ? null : extractAnswer(response);
  if (found === null || conclusion === null) return null;
  const { outcome } = verifyAnswer(found, conclusion);
  return outcome === "right" ? true : outcome === "wrong" ? false : null;
}

/**
 * The part of a response's thoughts from where they last name an answer; null without thoughts in tags, or when they
 * name none.
 */
function conclusionOf(response: string): string | null {
  const end = response.lastIndexOf("</think>");
  if (end < 0) return null;
  const thoughts = response.slice(Math.max(0, end - 30_000), end);
  const last = [...thoughts.matchAll(cue)].at(-1);
  return last === undefined ? null : thoughts.slice(last.index);
}
