/** Which responses are sampled together: as many as memory allows, the longest prompts first. */

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

type Lengths = readonly { readonly promptLength: number; readonly count: number }[];

/**
 * Pieces of the requests, the longest prompts first. A request with more responses than fit at a time is cut into pieces of nearly equal size; one
 * response alone is always a piece, however long.
 */
export function cutRequests(requests: Lengths, maxNewTokens: number, limits: WaveLimits): WaveMember[] {
  const order = [...requests.keys()].sort((a, b) => requests[b]!.promptLength - requests[a]!.promptLength || a - b);
  return order.flatMap((request) => {
    const { promptLength, count } = requests[request]!;
    const most = Math.min(limits.rows, Math.floor((limits.cachedTokens - promptLength) / maxNewTokens));
    const pieces = Math.ceil(count / Math.max(1, most));
    return Array.from({ length: pieces }, (_, piece) => {
      const first = Math.floor((piece * count) / pieces);
      return { request, first, count: Math.floor(((piece + 1) * count) / pieces) - first };
    });
  });
}

/** How many of the first pieces fit the limits side by side when every response reaches `maxNewTokens`; at least one. */
export function sideBySide(members: readonly WaveMember[], requests: Lengths, maxNewTokens: number, { cachedTokens, rows }: WaveLimits): number {
  let [P, N] = [0, 0];
  for (const [index, { request, count }] of members.entries()) {
    P = Math.max(P, requests[request]!.promptLength);
    N = Math.max(N, count);
    const B = index + 1;
    if (index > 0 && (B * (P + N * maxNewTokens) > cachedTokens || B * N > rows)) return index;
  }
  return members.length;
}
