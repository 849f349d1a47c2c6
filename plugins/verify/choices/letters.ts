/** The letters of multiple choice, as answers write them. */

/** How far letters are choices where the question's are not known. */
const known = "ABCDEFGHIJ";

const styles =
  /\\(?:text(?:bf|it|rm|sf|normal)?|mathrm|mathbf|mathsf|mathit|mbox|boxed|underline|mathbb|bf|rm)(?![a-zA-Z])\s*(?:\{([^{}]*)\})?/g;

/** An answer without styles, quotes and the words "option", "choice", "answer". */
export function plainChoice(text: string): string {
  let plain = text
    .replace(styles, (_, inner: string | undefined) => ` ${inner ?? ""} `)
    .replace(/\\[,;:! ]|\\q?quad|~/g, " ")
    .replace(/[*`"'$]/g, " ");
  plain = plain.replace(/^\s*\{(.*)\}\s*$/s, "$1").trim();
  return plain
    .replace(
      /^(?:the\s+)?(?:(?:correct|right|best|final)\s+)?(?:options?|choices?|answers?)\s*(?:is|are|:)?\s*(?=[([]?[A-Za-z][)\]]?(?![A-Za-z]))|^(?:选项|答案|选)\s*(?:是|为|:)?\s*/i,
      "",
    )
    .trim();
}

const rest = {
  end: /^\s*[.:)、,;!]?\s*$/,
  /** "B. 12 cm", "B) 12", "B: because", "(B) 12", "B (12 cm)". */
  text: /^\s*(?:[.:)、]|\.\))\s*\S|^\)\s|^\s*\(.*\)\s*\.?$/,
  reason: /^\s*[,;]?\s+(?:because|since|as|due to|given|for|which|where|by)\s/i,
  correct:
    /^\s*(?:is\s+(?:the\s+)?(?:correct|right|best|true)(?:\s+(?:answer|option|choice|one))?|项|选项)?\s*(?:是?正确(?:的|答案)?)?[.!]?\s*$/i,
};
/** What makes a reason take back the letter before it. */
const retracted = /\b(?:but|actually|wait|however|rather|instead|or|not\s+sure)\b/i;

/**
 * The letter of an answer that is one choice: C, (c), Option C, "C. 12 cm", "C because …"; null for anything else.
 * `valid`: the question's letters.
 */
export function letterOf(text: string, valid: string = known): string | null {
  const plain = plainChoice(text);
  if ((lettersIn(plain, valid)?.length ?? 0) > 1) return null;
  // \text{A} 12 and \textbf{(A)}\ \text{Only I}: the letter's own style parts it from the text.
  const styled =
    /^\s*\\(?:text(?:bf|rm)?|math(?:rm|bf))\s*\{\s*\(?([A-Z])[).:]?\s*\}(?:\s|\\[,;: ]|~|\\q?quad)+(?:\d|\\text\{)(.*)$/s.exec(
      text,
    );
  if (styled !== null && valid.includes(styled[1]!) && !retracted.test(styled[2]!)) return styled[1]!;
  const found = /^([([]?)\s*([A-Za-z])\s*(?=[^A-Za-z]|$)([\])]?)([\s\S]*)$/.exec(plain);
  if (found === null) return null;
  const [, open, letter, close, after] = found as unknown as [string, string, string, string, string];
  if (!valid.includes(letter.toUpperCase()) || (open !== "" && close === "")) return null;
  const behind = open === "" ? close + after : after;
  const ends = rest.end.test(behind) || rest.correct.test(behind);
  if (!ends && !(rest.text.test(open === "" ? behind : `)${behind}`) || rest.reason.test(behind))) return null;
  if (!ends && (retracted.test(behind) || alsoNames(behind, letter, valid))) return null;
  return letter.toUpperCase();
}

/** "B. C" and "A) B)" name two. */
const alsoNames = (behind: string, letter: string, valid: string): boolean => {
  const other = /^[\s.:),;、]*[([]?([A-Z])[)\].]*\s*$/.exec(behind)?.[1];
  return other !== undefined && other !== letter.toUpperCase() && valid.includes(other);
};

/**
 * The letters of an answer that is several choices, sorted: "AC" for AC, "C, A", "A and C", "(A)(C)"; null for anything
 * else.
 */
export const lettersOf = (text: string, valid: string = known): string | null => lettersIn(plainChoice(text), valid);

function lettersIn(choice: string, valid: string): string | null {
  // Longer ones than these letters with "and" between them are none.
  if (choice.length > 12 * valid.length) return null;
  const plain = choice.replace(/\band\b|[和与及]/gi, ",").replace(/[.]\s*$/, "");
  const parts = plain.split(/[\s,;、&()[\]/{}\\]+/).filter((part) => part !== "");
  const letters = parts.length === 1 && /^[A-Z]{2,}$/.test(parts[0]!) ? [...parts[0]!] : parts;
  if (
    letters.length < 2 ||
    letters.some((letter) => !/^[A-Za-z]$/.test(letter) || !valid.includes(letter.toUpperCase()))
  )
    return null;
  const distinct = new Set(letters.map((letter) => letter.toUpperCase()));
  return distinct.size === letters.length || parts.length > 1 ? [...distinct].sort().join("") : null;
}

/**
 * Whether letters written together can be choices where the question's are not known: in order, as nobody writes a
 * triangle by accident.
 */
export const inOrder = (letters: string): boolean =>
  letters.length >= 2 && [...letters].every((letter, index) => index === 0 || letter > letters[index - 1]!);
