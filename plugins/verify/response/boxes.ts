/**
 * Boxes: \boxed{…}, \fbox{…}, \framebox{…}, and \boxed 7 without braces. Every pass over the text is linear in its
 * length.
 */

export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly inner: string;
}

export interface Boxes {
  /** Those that close, in order. */
  readonly closed: readonly Stretch[];
  /** Whether a last one opens and never closes: the response was cut in it. */
  readonly cut: boolean;
}

const opening = /\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*(\{?)/g;

export function boxesIn(text: string): Boxes {
  const closed: Stretch[] = [];
  const pattern = new RegExp(opening);
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const inner = match.index + match[0].length;
    const end = match[1] === "{" ? closingBrace(text, inner) : bareEnd(text, inner);
    if (end < 0) return { closed, cut: true };
    const next = match[1] === "{" ? end + 1 : end;
    closed.push({ start: match.index, end: next, inner: text.slice(inner, end) });
    pattern.lastIndex = Math.max(next, inner);
  }
  return { closed, cut: false };
}

/** The last box's text; null without one, and where the last one never closes. */
export function lastBox(text: string): string | null {
  const { closed, cut } = boxesIn(text);
  return cut ? null : (closed.at(-1)?.inner ?? null);
}

function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return -1;
}

/**
 * Where a box without braces ends: at a blank or the end of the formula, outside of braces; −1 where braces in it never
 * close.
 */
function bareEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const two = text.slice(at, at + 2);
    if (/[\s$]/.test(text[at]!) || two === "\\)" || two === "\\]") return at;
    if (/^[.,;:!?]$/.test(text[at]!) && /^(?:\s|\$|$)/.test(text.slice(at + 1, at + 2))) return at;
    if (text[at] === "{") {
      const end = closingBrace(text, at + 1);
      if (end < 0) return -1;
      at = end;
    } else if (text[at] === "}") return at;
    else if (text[at] === "\\") at++;
  }
  return text.length;
}

/**
 * The last box, with those just before it that it is joined to by "and", "or" or a comma; "" where one of them is
 * empty.
 */
export function answerOfBoxes(text: string, boxes: readonly Stretch[]): string | null {
  let first = boxes.length - 1;
  while (first > 0 && joined(text.slice(boxes[first - 1]!.end, boxes[first]!.start))) first--;
  const own = boxes.slice(first);
  const inner = own.map((box) => withoutDelimiters(box.inner)).filter((box) => box !== "");
  if (inner.length < own.length || inner.length === 0) return null;
  const distinct = inner.filter(
    (one, index) => !inner.slice(0, index).some((earlier) => earlier.replace(/\s/g, "") === one.replace(/\s/g, "")),
  );
  return distinct.join(" ; ") + measureAfter(text.slice(own.at(-1)!.end), distinct.at(-1)!);
}

/** The inside of a box without the signs of formulas and bold type. */
const withoutDelimiters = (inner: string): string =>
  inner
    .replace(/\\[()]/g, " ")
    .replace(/^\s*(?:\\\[|\*\*)|(?:\\\]|\*\*)\s*$/g, " ")
    .trim();

/** A unit, degree or percent sign just behind a box belongs to it. */
function measureAfter(after: string, inner: string): string {
  const rest = after.slice(0, 60);
  if (/^\s*\$?\s*(?:\\?%|percent\b|pct\b)/.test(rest)) return /%|percent|pct/.test(inner) ? "" : "%";
  if (!/\d\s*$/.test(inner)) return "";
  return (
    /^\s*(?:\\[,; ]|~)?\s*(?:(?:\\(?:text|mathrm|textrm|rm)\s*\{\s*[a-zA-Z/°. ]{1,24}(?:\^\{?\d\}?)?\s*\}|\^\s*\{?\s*\\circ\s*\}?|°)(?:\s*\^\s*\{?\d\}?)?)/.exec(
      rest,
    )?.[0] ?? ""
  );
}

/** Words between two boxes that make the second another attempt at the same answer. */
const again =
  /\b(?:answer|final(?:ly)?|correct(?:ed|ion|ing)?|actually|instead|rather|wait|no|not|so|thus|hence|therefore|then|again|revised?|changed?|becomes?|equals?|simplif\w*|means|equivalently|i\.e|which)\b/i;

function joined(between: string): boolean {
  if (between.length > 60 || between.includes("\n\n") || /[.!?]\s/.test(between) || again.test(between)) return false;
  const words = between.replace(/\\[()[\]]|\\q?quad|\\[,;: ]|[$*{}]|\\text|\\mbox/g, " ").trim();
  return (
    words === "" ||
    words === "," ||
    words === ";" ||
    words === "&" ||
    (/(?:^|\s|,)(?:and|or)(?:\s|,|$)|^[和或与及]$/.test(words) && words.split(/\s+/).length <= 7) ||
    /^,\s*[a-zA-Z]_?\d?\s*=$/.test(words)
  );
}
