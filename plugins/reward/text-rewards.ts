/** Small measures of a response's text that rewards are made of. */

/** Without case, punctuation and articles, whitespace as one blank. */
export function normalised(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}.%-]+/gu, " ").replace(/\b(?:a|an|the)\b/g, " ").replace(/\.(?=\s|$)/g, " ").replace(/\s+/g, " ").trim();
}

/** Share of a sequence's n-grams that came before, 0 without any: 1 − distinct / all. */
export function repeatedShare(items: ArrayLike<number | string>, n: number): number {
  const all = Math.max(0, items.length - n + 1);
  if (all === 0) return 0;
  const seen = new Set<string>();
  for (let start = 0; start < all; start++) seen.add(Array.from({ length: n }, (_, offset) => items[start + offset]).join("\u0000"));
  return 1 - seen.size / all;
}

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
