/** Where the answer stands in a response. Every pass over the text is linear in its length. */

/** Only the end of a response is looked at. */
const lookedAt = 30_000;

/** The answer's own text; null when the response gives none. */
export function extractAnswer(response: string): string | null {
  const text = afterThoughts(response.slice(-lookedAt));
  const boxes = boxesIn(text);
  const final = /\bfinal answer is:?\s*/i.exec(text.slice(boxes.at(-1)?.end ?? 0));
  if (boxes.length > 0 && final === null) return answerOfBoxes(text, boxes);
  if (boxes.length > 0 && final !== null) {
    const rest = text.slice(boxes.at(-1)!.end + final.index + final[0].length);
    const own = mathIn(rest)[0];
    return own !== undefined && rest.slice(0, own.start).trim() === "" ? withTrailing(rest, own) : answerOfBoxes(text, boxes);
  }
  if (text.length < 200) {
    const whole = withoutDelimiters(text).trim();
    if (looksLikeMath(whole)) return whole;
  }
  const cue = [...text.matchAll(/\banswers?(?:\s*\*{0,2}\s*(?:is|are|:|=|would be|should be)\s*:?)\s*\*{0,2}/gi)].at(-1);
  if (cue !== undefined) {
    const rest = text.slice(cue.index + cue[0].length);
    const sentence = withoutDelimiters(sentenceOf(rest)).replace(/[\s.*]+$/, "").trim();
    if (looksLikeMath(sentence)) return sentence;
    const own = mathIn(rest)[0];
    if (own !== undefined && rest.slice(0, own.start).trim().length < 4) return withTrailing(rest, own);
    const found = lastIn(sentenceOf(rest));
    if (found !== null) return found;
    const words = sentenceOf(rest).replace(/^[\s*]+|[\s.*]+$/g, "");
    if (words !== "" && words.length < 60) return words;
  }
  return lastIn(text);
}

/** The answer of a dataset: usually nothing else. */
export function extractGold(gold: string): string | null {
  const boxes = boxesIn(gold);
  if (boxes.length > 0) return answerOfBoxes(gold, boxes);
  return gold.length <= 400 ? withoutDelimiters(gold).trim() || null : extractAnswer(gold);
}

function afterThoughts(text: string): string {
  const end = text.lastIndexOf("</think>");
  const rest = end < 0 ? "" : text.slice(end + "</think>".length);
  return rest.trim() === "" ? text : rest.replace(/<\/?answer>/g, " ");
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly inner: string;
}

/** Every \boxed{…} and \fbox{…} that closes. */
export function boxesIn(text: string): Stretch[] {
  const found: Stretch[] = [];
  const opening = /\\(?:boxed|fbox)\s*\{/g;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const inner = match.index + match[0].length;
    const end = closingBrace(text, inner);
    if (end < 0) break;
    found.push({ start: match.index, end: end + 1, inner: text.slice(inner, end) });
    opening.lastIndex = end + 1;
  }
  return found;
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

/** The last box, with those just before it that it is joined to by "and", "or" or a comma. */
function answerOfBoxes(text: string, boxes: readonly Stretch[]): string | null {
  let first = boxes.length - 1;
  while (first > 0 && joined(text.slice(boxes[first - 1]!.end, boxes[first]!.start))) first--;
  const own = boxes.slice(first);
  const inner = own.map((box) => box.inner.trim()).filter((box) => box !== "");
  if (inner.length < own.length || inner.length === 0) return null;
  const percent = /^\s*\$?\s*(?:\\?%|percent|pct)/.test(text.slice(own.at(-1)!.end, own.at(-1)!.end + 20));
  return inner.join(" ; ") + (percent && !/%|percent|pct/.test(inner.at(-1)!) ? "%" : "");
}

function joined(between: string): boolean {
  if (between.length > 60 || between.includes("\n\n") || /[.!?]\s/.test(between)) return false;
  const words = between.replace(/\\[()[\]]|\\q?quad|\\[,;: ]|[$*{}]|\\text|\\mbox/g, " ").trim();
  return words === "" || words === "," || words === ";" || /(?:^|\s|,)(?:and|or)(?:\s|,|$)/.test(words) && words.split(/\s+/).length <= 7 || /^,\s*[a-zA-Z]_?\d?\s*=$/.test(words);
}

/** Formulas: $…$, $$…$$, \(…\), \[…\]; those within a line must close on it. */
function mathIn(text: string): Stretch[] {
  const found: Stretch[] = [];
  let open: { readonly sign: string; readonly start: number } | null = null;
  for (let at = 0; at < text.length; at++) {
    const two = text.slice(at, at + 2);
    if (open !== null && open.sign.length === 1 && text[at] === "\n") open = null;
    if (open?.sign === "\\(" && text[at] === "\n") open = null;
    if (two === "$$" || two === "\\(" || two === "\\[" || two === "\\)" || two === "\\]" || text[at] === "$") {
      const sign: string = two === "$$" || two[0] === "\\" ? two : "$";
      const closes: boolean = open !== null && (sign === open.sign && (sign === "$" || sign === "$$") || (open.sign === "\\(" && sign === "\\)") || (open.sign === "\\[" && sign === "\\]"));
      if (closes) {
        const inner = text.slice(open!.start + open!.sign.length, at);
        if (inner.trim() !== "") found.push({ start: open!.start, end: at + sign.length, inner });
        open = null;
      } else if (sign !== "\\)" && sign !== "\\]" && !(open !== null && sign === "$")) open = { sign, start: at };
      at += sign.length - 1;
    } else if (text[at] === "\\") at++;
  }
  return found;
}

/** A formula with a percent sign or word after it. */
function withTrailing(text: string, { end, inner }: Stretch): string {
  return /^\s*(?:\\?%|percent|pct)/.test(text.slice(end, end + 12)) && !/%/.test(inner) ? `${inner}%` : inner;
}

const numbers = /(?<![\w.,])[-−]?[$€£]?\s?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?(?:\s*\/\s*\d+)?|\.\d+)(?:\s?(?:%|percent|pct))?(?=[^\w]|[a-z]{1,2}[²³]|$)/g;

/** The last formula or number outside of formulas, whichever comes later. */
function lastIn(text: string): string | null {
  const formulas = mathIn(text);
  const last = formulas.at(-1);
  const rest = text.slice(last?.end ?? 0);
  const found = [...rest.slice(-4000).matchAll(numbers)];
  const number = found.at(-1);
  if (number !== undefined) return alternatives(rest.slice(-4000), found.map((match) => ({ start: match.index, end: match.index + match[0].length, inner: match[0].trim() })));
  return last === undefined ? null : alternatives(text, formulas.map((formula, index) => (index === formulas.length - 1 ? { ...formula, inner: withTrailing(text, formula) } : formula)));
}

/** The last of several stretches, with those that "and", "or" or a comma joins to it: 3 or 5 is not 5. */
function alternatives(text: string, stretches: readonly Stretch[]): string {
  let first = stretches.length - 1;
  while (first > 0 && linked(text.slice(stretches[first - 1]!.end, stretches[first]!.start))) first--;
  return stretches.slice(first).map(({ inner }) => inner).join(" ; ");
}

const linked = (between: string): boolean => /^\s*(?:,|;|,?\s*(?:and|or))\s*$/.test(between);

const sentenceOf = (text: string): string => /^[\s\S]*?(?:\.(?=\s|$)|\n|$)/.exec(text.trimStart().slice(0, 400))![0];

const withoutDelimiters = (text: string): string => text.replace(/\\\$/g, " ").replace(/\$+|\\[()[\]]/g, (match) => (match.startsWith("\\") || match.startsWith("$") ? " " : match));

/** No words of a sentence: commands, numbers, single letters, names of functions and units. */
function looksLikeMath(text: string): boolean {
  if (text === "" || /[.!?]\s+\S/.test(text)) return false;
  const bare = text.replace(/\\(?:text(?:bf|it|rm|normal)?|mbox|mathrm|operatorname)\s*\{[^{}]*\}/g, " ").replace(/\\[a-zA-Z]+/g, " ");
  return (bare.match(/[a-zA-Z]{3,}/g) ?? []).every((word) => /^(?:and|or|sin|cos|tan|cot|sec|csc|log|exp|sqrt|arc[a-z]+|inf|infinity|percent|percentage|pct|pmatrix|bmatrix|matrix|array|[A-Z]{2,5})$/.test(word)) || /^[a-zA-Z]+$/.test(text);
}
