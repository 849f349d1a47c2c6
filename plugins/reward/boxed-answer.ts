/** What stands in the last \boxed{…} of a text, braces balanced; null when there is none or it never closes. */
export function lastBoxed(text: string): string | null {
  const opening = "\\boxed{";
  const start = text.lastIndexOf(opening);
  if (start < 0) return null;
  let depth = 1;
  for (let index = start + opening.length; index < text.length; index++) {
    if (text[index] === "{") depth++;
    if (text[index] === "}") depth--;
    if (depth === 0) return text.slice(start + opening.length, index);
  }
  return null;
}

/** Equal as numbers where both are numbers, else letter by letter without whitespace. */
export function sameAnswer(found: string, expected: string): boolean {
  const [a, b] = [found.replace(/\s+/g, ""), expected.replace(/\s+/g, "")];
  if (a === "" || b === "") return a === b;
  return a === b || (isNumber(a) && isNumber(b) && Number(a) === Number(b));
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}
