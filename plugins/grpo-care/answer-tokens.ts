import { tokensUntil } from "@papo/core";
import type { ScoreTarget } from "@papo/core";

/** The tokens of a response's answer, which stands between two marks, after everything before them; none without the first mark. */
export function answerTokens(open: string, close: string, name = "answer"): ScoreTarget {
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
export const meanLikelihood = (logProbs: Float32Array): number => (logProbs.length === 0 ? 0 : Math.exp(logProbs.reduce((sum, value) => sum + value, 0) / logProbs.length));
