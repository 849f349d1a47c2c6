/** Where in a response a mark of its text stands, and tokens to score instead of its own. */
import type { ScoreTarget, TextCodec } from "../contracts/registered/scores.ts";

/** The number of a response's first tokens whose text holds `marker`; null when no number of them does. */
export function tokensUntil(tokens: Int32Array, marker: string, { decode }: Pick<TextCodec, "decode">): number | null {
  const holds = (count: number): boolean => decode(tokens.subarray(0, count), { special: true }).includes(marker);
  if (!holds(tokens.length)) return null;
  let [without, withIt] = [0, tokens.length];
  while (withIt - without > 1) {
    const middle = (without + withIt) >> 1;
    if (holds(middle)) withIt = middle;
    else without = middle;
  }
  return withIt;
}

/** A target: the tokens of a response between two marks, after everything before them; none without the first mark. */
export function tokensBetween(open: string, close: string, name: string): ScoreTarget {
  return {
    name,
    of: ({ response: { tokens } }, text) => {
      const given = tokensUntil(tokens, open, text);
      if (given === null) return { given: 0, tokens: new Int32Array(0) };
      const rest = tokens.subarray(given);
      const closed = tokensUntil(rest, close, text);
      return { given, tokens: rest.slice(0, closed === null ? rest.length : closed - 1) };
    },
  };
}

/** exp of the mean log-prob, 0 of no tokens. */
export const meanLikelihood = (logProbs: Float32Array): number =>
  logProbs.length === 0 ? 0 : Math.exp(logProbs.reduce((sum, value) => sum + value, 0) / logProbs.length);
