/** Whether a question tells its answer. */
import type { Row } from "@papo/core";

/** What spreadsheets and data frames write where a value is missing. */
export const missingWords: ReadonlySet<string> = new Set(["nan", "none", "null", "nat", "<na>", "n/a", "undefined"]);

/**
 * Whether the answer of a row stands in its texts, as a word of its own. The letter of a choice does not count: it
 * stands before its choice.
 */
export function tellsAnswer({ prompt, system, history = [], answer, fields }: Row): boolean {
  const gold = answer.replace(/^\s*<answer>([\s\S]*)<\/answer>\s*$/, "$1").trim();
  if (gold === "" || /^\(?[A-Ja-j]\)?\.?$/.test(gold)) return false;
  // One of the choices stands there as every other does.
  const choices = fields["choices"];
  if (
    typeof choices === "object" &&
    choices !== null &&
    Object.values(choices).some((choice) => String(choice) === gold)
  )
    return false;
  const text = [system ?? "", ...history.map(({ content }) => content), prompt].join("\n");
  for (let at = text.indexOf(gold); at >= 0; at = text.indexOf(gold, at + 1)) {
    if (
      isApart(text[at - 1], gold[0]!) &&
      isApart(text[at + gold.length], gold.at(-1)!) &&
      !continuesNumber(text, at, gold)
    )
      return true;
  }
  return false;
}

/** A letter or digit beside another belongs to the same word. */
const isApart = (beside: string | undefined, own: string): boolean =>
  beside === undefined || ![own, beside].every((one) => /[\p{L}\p{N}]/u.test(one));

/** 3 in 3.5 or in 1,300 is no number of its own. */
const continuesNumber = (text: string, at: number, gold: string): boolean =>
  (/^\d/.test(gold) && /\d[.,]$/.test(text.slice(Math.max(0, at - 2), at))) ||
  (/\d$/.test(gold) && /^[.,]\d/.test(text.slice(at + gold.length)));
