/** What the sampler takes where nothing says how much it may. */

export const samplerDefaults = {
  /** Responses sampled side by side. */
  rows: 128,
  /** Prompt tokens, padding included, that one run of the prefill graph takes. */
  prefillTokens: 4096,
} as const;

/** Attention scores of words that an environment put into responses, which go through the decoder at once, bytes. */
export const wordsBytes = 2 ** 28;

/**
 * Largest cache of keys and values, and largest copy of the weights that is made to decode faster, bytes: powers of
 * two, 1 GiB at least.
 * @param left bytes that the machine has beside the process and the weights. It follows from machine and model alone,
 *   and not from what is
 *   free at the moment, so that a resumed run samples in the same waves: then it repeats the same bits
 */
export const samplerLimits = (left: number): { readonly cacheBytes: number; readonly copyBytes: number } => ({
  cacheBytes: powerOfTwo(left / 2),
  copyBytes: powerOfTwo(left / 3),
});

const powerOfTwo = (bytes: number): number => 2 ** Math.max(30, Math.floor(Math.log2(Math.max(1, bytes))));
