/** The text of each token, from a decoder of whole sequences. */

/**
 * Tokens before the one in question that are decoded with it: enough for a character of several tokens and for spacing
 * rules.
 */
const context = 16;

/**
 * What each token adds to the text: "" for a special token that the decoder leaves out, and for all but the last token
 * of a character that takes several. A decoder that gives the text of each token itself is taken at its word.
 */
export const piecesOf = (
  tokens: Int32Array,
  decode: (tokens: Int32Array) => string | readonly string[],
): readonly string[] => {
  const all = decode(tokens);
  if (typeof all !== "string") return all;
  const whole = (from: number, to: number): string => String(decode(tokens.slice(from, to))).replace(/\ufffd+$/, "");
  return Array.from(tokens, (_, at) => {
    const from = Math.max(0, at - context);
    const before = at === from ? "" : whole(from, at);
    const after = whole(from, at + 1);
    return after.startsWith(before) ? after.slice(before.length) : whole(at, at + 1);
  });
};
