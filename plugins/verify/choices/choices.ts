/** Multiple choice with the question's choices: a letter and the text that it stands for are one answer. */
import { plainCharacters } from "../notation/characters.ts";
import { plainText } from "../notation/clean.ts";
import { restoreCommands } from "../gold/lost-commands.ts";
import { conclusionOf } from "../response/thoughts.ts";
import { letterOf, lettersOf, plainChoice } from "./letters.ts";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Longer answers are compared with a choice's text letter by letter alone. */
const longest = 400;

/** Texts by letter. */
export type Choices = ReadonlyMap<string, string>;

/**
 * A list of texts, or an object of them by letter; null for what is none, and where letters stand for other letters.
 */
export function choicesOf(value: unknown): Choices | null {
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((text: unknown, index) => [letters[index] ?? "?", text])
    : typeof value === "object" && value !== null
      ? Object.entries(value)
      : [];
  const texts = entries.flatMap(([letter, text]) =>
    typeof text === "string" || typeof text === "number"
      ? [[letter.trim().toUpperCase(), withoutLetter(plainCharacters(restoreCommands(String(text)).text))] as const]
      : [],
  );
  if (texts.length < 2 || texts.length < entries.length || texts.length > letters.length) return null;
  const crossed = texts.some(([letter, text]) => text !== letter && texts.some(([other]) => other === text));
  return crossed ? null : new Map(texts);
}

/** "(B) 12 cm" and "B. 12 cm" are "12 cm"; "B" alone stays. */
const withoutLetter = (text: string): string =>
  text.replace(/^\s*\(?[A-Z](?:\)|[.:])\s*(?=\S)(?!\d*$)|^\s*\(?[A-Z][).:]\s+/, "").trim();

/** Whether two texts are one answer. */
export type Same = (expected: string, found: string) => boolean;

/** The letters that a gold answer stands for, sorted; null where it is none of the choices. */
export function goldLetters(gold: string, choices: Choices, same: Same): string | null {
  const valid = [...choices.keys()].join("");
  return lettersIn(gold, choices, valid) ?? textLetters(gold, choices, same);
}

/**
 * What an answer chooses, as sorted letters; "?" where letter and text disagree or a text fits several; null where it
 * is none of the choices.
 */
export function chosenLetters(found: string, choices: Choices, same: Same): string | null {
  const valid = [...choices.keys()].join("");
  const plain = plainChoice(found);
  // "B. 12 cm", "B, 12 cm", "B = 12".
  const labelled = /^[([]?([A-Za-z])[)\]]?\s*(?:[.:,=)–-]|\s-\s|\s)\s*(\S[\s\S]*)$/.exec(plain);
  const letter = labelled?.[1]?.toUpperCase();
  if (letter !== undefined && choices.has(letter)) {
    const fits = fitting(labelled![2]!, choices, same);
    if (fits.length > 0) return fits.includes(letter) ? letter : "?";
  }
  return lettersIn(found, choices, valid) ?? textLetters(found, choices, same);
}

const lettersIn = (text: string, choices: Choices, valid: string): string | null => {
  const exact = exactly(text, choices);
  return exact.length === 1 && !/^\W*[A-Z]\W*$/i.test(plainChoice(text))
    ? exact[0]!
    : (letterOf(text, valid) ?? lettersOf(text, valid));
};

function textLetters(text: string, choices: Choices, same: Same): string | null {
  const whole = fitting(text, choices, same);
  if (whole.length > 0) return whole.length === 1 ? whole[0]! : "?";
  const parts = text.split(/\s*(?:[,;]|\band\b)\s*/).filter((part) => part !== "");
  if (parts.length < 2 || parts.length > choices.size) return null;
  const each = parts.map((part) => fitting(part, choices, same));
  return each.some(({ length }) => length === 0)
    ? null
    : each.every(({ length }) => length === 1)
      ? [...new Set(each.flat())].sort().join("")
      : "?";
}

/** A response that is nothing but one choice's text; null for others. */
export function wholeChoice(response: string, choices: Choices): string | null {
  const text = conclusionOf(response)?.text.trim() ?? "";
  return text.length < 400 && !text.includes("\\") && exactly(text, choices).length === 1 ? text : null;
}

/** The choices that a text is: the one written so, else all that say the same. */
function fitting(text: string, choices: Choices, same: Same): string[] {
  const exact = exactly(text, choices);
  return exact.length > 0 || text.length > longest
    ? exact
    : [...choices].filter(([, own]) => same(own, text)).map(([letter]) => letter);
}

function exactly(text: string, choices: Choices): string[] {
  const plain = plainText(withoutLetter(text));
  return plain === "" ? [] : [...choices].filter(([, own]) => plainText(own) === plain).map(([letter]) => letter);
}
