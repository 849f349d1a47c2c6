/** Which responses are sampled together: as many as memory allows, prompts of similar length side by side. */

/** What limits one wave. */
export interface WaveLimits {
  /** Tokens whose keys and values are held at a time, padding included. */
  readonly cachedTokens: number;
  /** Responses sampled at a time, padding included. */
  readonly rows: number;
}

/** Some of a request's responses: `count` of them from index `first`. */
export interface WaveMember {
  readonly request: number;
  readonly first: number;
  readonly count: number;
}

interface Size {
  /** Prompts, longest prompt, most responses to a prompt. */
  readonly B: number;
  readonly P: number;
  readonly N: number;
}

/**
 * Cuts requests into waves that fit the limits when every response reaches `maxNewTokens`. A request with more
 * responses than fit is spread over several waves. One response alone is always a wave, however long.
 */
export const planWaves = (
  requests: readonly { readonly promptLength: number; readonly count: number }[],
  maxNewTokens: number,
  limits: WaveLimits,
): WaveMember[][] => {
  const fits = ({ B, P, N }: Size) => B * (P + N * maxNewTokens) <= limits.cachedTokens && B * N <= limits.rows;
  const order = [...requests.keys()].sort((a, b) => requests[b]!.promptLength - requests[a]!.promptLength || a - b);
  const waves: WaveMember[][] = [];
  let size: Size = { B: 0, P: 0, N: 0 };
  for (const request of order) {
    const { promptLength, count } = requests[request]!;
    const most = Math.min(limits.rows, Math.floor((limits.cachedTokens - promptLength) / maxNewTokens));
    const pieces = Math.ceil(count / Math.max(1, most));
    for (let piece = 0; piece < pieces; piece++) {
      const first = Math.floor((piece * count) / pieces);
      const member = { request, first, count: Math.floor(((piece + 1) * count) / pieces) - first };
      const grown = { B: size.B + 1, P: Math.max(size.P, promptLength), N: Math.max(size.N, member.count) };
      if (waves.length > 0 && fits(grown)) {
        waves.at(-1)!.push(member);
        size = grown;
      } else {
        waves.push([member]);
        size = { B: 1, P: promptLength, N: member.count };
      }
    }
  }
  return waves;
};
