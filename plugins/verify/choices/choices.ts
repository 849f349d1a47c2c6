/** Multiple choice: a letter and the text that it stands for are one answer. */
import { extractGold } from "../response/extract.ts";
import { isReadable, verifyAnswer, type Verdict } from "../verify-answer.ts";

const letters = "ABCDEFGHIJ";

/** A list of texts, or an object of them by letter; null for what is none. */
export function choicesOf(value: unknown): ReadonlyMap<string, string> | null {
  const entries: [string, unknown][] = Array.isArray(value) ? value.map((text: unknown, index) => [letters[index] ?? "?", text]) : typeof value === "object" && value !== null ? Object.entries(value) : [];
  const texts = entries.flatMap(([letter, text]) => (typeof text === "string" || typeof text === "number" ? [[letter.toUpperCase(), withoutLetter(String(text))] as const] : []));
  return texts.length < 2 || texts.length < entries.length || texts.length > letters.length ? null : new Map(texts);
}

/** "(B) 12 cm" and "B. 12 cm" are "12 cm". */
const withoutLetter = (text: string): string => text.replace(/^\s*\(?[A-J][).:]\s+/, "").trim();

/**
 * The verdict on a multiple-choice answer: the right letter, or the right choice's own text, unless another choice says the same.
 * @param gold the right letter, or the right choice's text
 */
export function verifyChoice(gold: string, response: string, choices: ReadonlyMap<string, string>): Verdict {
  const letter = letterOf(gold, choices);
  const plain = verifyAnswer(letter ?? gold, response);
  if (letter === null || plain.outcome === "right" || plain.found === null) return plain;
  const given = /^\(?([A-J])\)?(?:[.:)]?$|[.:)]\s)/.exec(plain.found.replace(/\\text\s*\{([^{}]*)\}/g, "$1").trim())?.[1];
  if (given !== undefined && choices.has(given)) return { ...plain, outcome: "wrong" };
  const fits = [...choices].filter(([, text]) => verifyAnswer(text, `\\boxed{${plain.found!}}`).outcome === "right").map(([name]) => name);
  return { ...plain, outcome: fits.length === 1 && fits[0] === letter ? "right" : fits.length > 0 ? "wrong" : plain.outcome };
}

/** Whether answers can be compared with a gold answer: it is one of the choices, or it is not empty, and notation that is known or words. */
export function isUsableGold(gold: string, choices: ReadonlyMap<string, string> | null = null): boolean {
  if (choices !== null && letterOf(gold, choices) !== null) return true;
  return gold.trim() !== "" && (isReadable(gold) || /^[\p{L}\d\s.,'"()\-:;%/&?!]+$/u.test(extractGold(gold) ?? ""));
}

function letterOf(gold: string, choices: ReadonlyMap<string, string>): string | null {
  const bare = /^\s*\(?([A-J])\)?[.:]?\s*$/.exec(gold)?.[1];
  if (bare !== undefined && choices.has(bare)) return bare;
  return [...choices].find(([, text]) => text === withoutLetter(gold))?.[0] ?? null;
}
