/** Whether a response gives the expected answer. */
import { choicesOf, chosenLetters, goldLetters, wholeChoice, type Choices } from "./choices/choices.ts";
import { inOrder, letterOf, lettersOf } from "./choices/letters.ts";
import { sameAnswer } from "./compare/compare.ts";
import { extractGold } from "./gold/gold.ts";
import { plainCharacters } from "./notation/characters.ts";
import { clean, plainText, withoutSpaces } from "./notation/clean.ts";
import type { Node } from "./notation/node.ts";
import { readingsOf } from "./notation/readings.ts";
import { stated } from "./notation/words.ts";
import { extractAnswer, lookedAt } from "./response/extract.ts";

/**
 * "right" and "wrong" are verdicts on an answer; "no answer": the response gives none; "unreadable": it gives one that
 * is no notation known here, and not the expected one letter by letter.
 */
export type Outcome = "right" | "wrong" | "no answer" | "unreadable";

export interface Verdict {
  readonly outcome: Outcome;
  /** The answers' own texts; null where none was found. */
  readonly expected: string | null;
  readonly found: string | null;
}

/**
 * The one verdict of rewards, evaluations, `papo verify` and `papo data check`.
 * @param gold the expected answer, as datasets give it: LaTeX or plain, bare, in dollar signs, or a solution with a
 *   box; of a multiple-choice question the letter or letters, or the text
 * @param choices of a multiple-choice question: a list of texts, or texts by letter; what is no such thing is passed
 *   over
 */
export function verifyAnswer(gold: string, response: string, choices?: unknown): Verdict {
  const [expected, options, text] = [extractGold(gold), choicesOf(choices), plainCharacters(response.slice(-lookedAt))];
  const found = (options === null ? null : wholeChoice(text, options)) ?? extractAnswer(text);
  if (expected === null) return { outcome: "unreadable", expected, found };
  if (found === null) return { outcome: "no answer", expected, found };
  const outcome = judge(expected, found, options);
  // A sentence's article is no part of the answer that it says: "It is a square."
  const bare =
    outcome === "wrong" && isSentence(text)
      ? found.replace(/^(?:(?:on|at|in|to)\s+)?(?:the|an?)\s+(?=\p{L})/iu, "")
      : found;
  return { outcome: bare === found ? outcome : judge(expected, bare, options), expected, found };
}

/** Whether an answer was said, rather than given in a box or tags or alone. */
const isSentence = (text: string): boolean =>
  !/\\(?:boxed|fbox|framebox)|<answer>/.test(text) && /\b(?:is|are|was|were|it's|shows?)\s/i.test(text);

/**
 * Whether answers can be compared with a gold answer: it is one of the choices, or it is not empty, and notation that
 * is known or words.
 */
export function isUsableGold(gold: string, choices?: unknown): boolean {
  const [own, options] = [extractGold(gold), choicesOf(choices)];
  if (own === null) return false;
  if (options !== null && goldLetters(own, options, isSame) !== null) return true;
  return gold.trim() !== "" && (isReadable(own) || /^[\p{L}\d\s.,'"()\-:;%/&?!]+$/u.test(own));
}

const isReadable = (answer: string): boolean => readingsOf(clean(answer)).length > 0;

/** Within the parser's bounds nothing should run over; should it all the same, that is no verdict on the answer. */
function judge(expected: string, found: string, choices: Choices | null): Outcome {
  try {
    return choices === null ? compared(expected, found) : chosen(expected, found, choices);
  } catch (error) {
    if (error instanceof RangeError) return "unreadable";
    throw error;
  }
}

const isSame = (expected: string, found: string): boolean => compared(expected, found) === "right";

/** The right letters, or the right choices' own texts, unless other choices say the same. */
function chosen(expected: string, found: string, choices: Choices): Outcome {
  const wanted = goldLetters(expected, choices, isSame);
  if (wanted === null || wanted === "?") return compared(expected, found);
  const given = chosenLetters(found, choices, isSame);
  if (given === null) return compared(wanted, found) === "unreadable" ? "unreadable" : "wrong";
  return given === wanted ? "right" : "wrong";
}

function compared(expected: string, found: string): Outcome {
  const [own, other] = [clean(expected), clean(found)];
  if (own !== "" && withoutSpaces(own) === withoutSpaces(other)) return "right";
  if (sameChoice(own, other)) return "right";
  if (
    symbols.test(own) &&
    symbols.test(other) &&
    /\d/.test(own) &&
    own.replace(/[_{}\s]/g, "") === other.replace(/[_{}\s]/g, "")
  )
    return "right";
  const said = stated(plainWords(other)) ?? null;
  if (said !== null && said === stated(plainWords(own))) return "right";
  const [wanted, given] = [readingsOf(own), readingsOf(other)];
  if (wanted.some((a: Node) => given.some((b: Node) => sameAnswer(a, b)))) return "right";
  if (
    (wanted.length === 0 || given.length === 0) &&
    letterByLetter(own) !== "" &&
    letterByLetter(own) === letterByLetter(other)
  )
    return "right";
  return given.length === 0 ? "unreadable" : "wrong";
}

/** H₂O and A₁, with or without the underscore. */
const symbols = /^(?:[A-Z][a-z]?_?\{?\d*\}?\s*)+$/;

/** Words without case, commands and punctuation; the punctuation of numbers counts: "1.5" is not "1 5". */
const letterByLetter = (text: string): string =>
  /\d/.test(text) ? withoutSpaces(plainWords(text).toLowerCase()).replace(/[.!?]$/, "") : plainText(text);

const plainWords = (text: string): string =>
  text.replace(/\\(?:text(?:bf|it|rm|normal)?|mathrm|mathbf|mbox)\s*\{([^{}]*)\}/g, "$1");

/**
 * C, (C), c, "C. 12 cm" beside a gold C; A, C beside AC. A small letter alone is a choice only where the gold is one.
 */
function sameChoice(own: string, other: string): boolean {
  const one = /^\W*[a-z]\W*$/.test(own) && !/^[([].*[)\]]$/.test(own) ? null : letterOf(own);
  if (one !== null) return letterOf(other) === one;
  const several = lettersOf(own);
  return several !== null && (inOrder(own) || !/^[A-Z]+$/.test(own)) && lettersOf(other) === several;
}
