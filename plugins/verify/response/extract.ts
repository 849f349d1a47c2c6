/** Where the answer stands in a response. Every pass over the text is linear in its length. */
import { answerOfBoxes, boxesIn } from "./boxes.ts";
import { formulasIn, withTrailing } from "./formulas.ts";
import { answerInSentences, wholeAnswer } from "./sentences.ts";
import { conclusionOf } from "./thoughts.ts";

/** Only the end of a response is looked at. */
export const lookedAt = 30_000;

/** The answer's own text; null when the response gives none, or may have been cut in it. */
export function extractAnswer(response: string): string | null {
  const conclusion = conclusionOf(response.slice(-lookedAt));
  if (conclusion === null) return null;
  const { text, from } = conclusion;
  const { closed, cut } = boxesIn(text);
  if (cut) return null;
  if (closed.length > 0)
    return from === "thoughts" &&
      !/^[\s$.*)\]\\}]*(?:\\text\{[^{}]*\}[\s$.*)\]\\]*)?$/.test(text.slice(closed.at(-1)!.end))
      ? null
      : boxed(text);
  if (from === "thoughts") return null;
  // As solutions of GSM8K end.
  const marked = /(?:^|\n)\s*####\s*([^\n]+)\s*$/.exec(text)?.[1];
  if (marked !== undefined) return marked.trim();
  return from === "tags"
    ? (wholeAnswer(text) ?? answerInSentences(text) ?? (text.trim() || null))
    : answerInSentences(text);
}

/** The last box's, unless a "final answer" stands after it. */
function boxed(text: string): string | null {
  const { closed } = boxesIn(text);
  const end = closed.at(-1)!.end;
  const rest = text.slice(end);
  if (/^[\s$]*(?:\\[)\]])?\s*is\s+(?:wrong|incorrect|not\s)/i.test(rest.slice(0, 60))) return null;
  const final = /\bfinal answer is:?\s*/i.exec(rest);
  if (final !== null) {
    const own = rest.slice(final.index + final[0].length);
    const formula = formulasIn(own)[0];
    if (formula !== undefined && own.slice(0, formula.start).trim() === "") return withTrailing(own, formula);
  }
  return answerOfBoxes(text, closed);
}
