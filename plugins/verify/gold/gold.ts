/** The answers of datasets: usually nothing but the answer. */
import { plainCharacters } from "../notation/characters.ts";
import { answerOfBoxes, boxesIn } from "../response/boxes.ts";
import { extractAnswer } from "../response/extract.ts";
import { withoutFormulaSigns } from "../response/sentences.ts";
import { restoreCommands } from "./lost-commands.ts";

/** Longer ones are solutions, in which the answer is looked for. */
const longest = 400;

/**
 * A gold answer's own text: of a box, of answer tags, after "####" or "Answer:", else all of it; null where nothing is
 * left.
 */
export function extractGold(gold: string): string | null {
  const text = plainCharacters(restoreCommands(gold).text);
  const inner = /<answer>([\s\S]*?)<\/answer>\s*$/.exec(text)?.[1] ?? /####\s*([^\n]+)\s*$/.exec(text)?.[1] ?? text;
  const { closed, cut } = boxesIn(inner);
  if (closed.length > 0 && !cut) return answerOfBoxes(inner, closed);
  if (inner.length > longest) return extractAnswer(inner);
  // An amount of money, and no sign of a formula.
  if (/^\s*-?\s*\\?\$\s*[\d,.]+\s*$/.test(inner)) return inner.trim();
  const bare = withoutFormulaSigns(inner).trim();
  return (
    bare.replace(/^(?:(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is|:)|答案\s*(?:是|为|:))\s*:?\s*(?=\S)/i, "") ||
    null
  );
}
