/** What can be asked of the decoder's attention to the picture, token by token: which layers and which heads. */
import type { Decoder } from "./model.ts";

/**
 * "pictureAttention": the probability that a token's query puts on the visual tokens of its prompt; "pictureAlignment":
 * the mean cosine of its query with their keys, both turned by their positions. Both are means over heads and layers.
 */
export type AttentionKind = "pictureAttention" | "pictureAlignment";

export const attentionKinds = ["pictureAttention", "pictureAlignment"] as const satisfies readonly AttentionKind[];

export interface AttentionStatistic {
  readonly kind: AttentionKind;
  /** From 0, the layer that reads the embeddings; −1 is the last. "all": every layer. */
  readonly layers: AttentionParts;
  /** Heads of queries, from 0; −1 is the last. "all": every head. */
  readonly heads: AttentionParts;
}

/** Numbers of layers or heads, or all of them. */
export type AttentionParts = readonly number[] | "all";

/**
 * A statistic's layers and heads as numbers from 0, each once, ascending.
 * @throws Error when the model has no such layer or head
 */
export function partsOf(
  { kind, layers, heads }: AttentionStatistic,
  decoder: Pick<Decoder, "layers" | "heads">,
): { readonly layers: readonly number[]; readonly heads: readonly number[] } {
  return {
    layers: numbered(kind, "layer", layers, decoder.layers),
    heads: numbered(kind, "head", heads, decoder.heads),
  };
}

function numbered(kind: AttentionKind, what: string, parts: AttentionParts, count: number): readonly number[] {
  if (parts === "all") return Array.from({ length: count }, (_, part) => part);
  const missing = parts.find((part) => part >= count || part < -count);
  if (missing !== undefined)
    throw new Error(
      `${kind} is asked of ${what} ${missing}; the model has ${count} ${what}s, 0 to ${count - 1}, or −1 for the last`,
    );
  return [...new Set(parts.map((part) => (part < 0 ? count + part : part)))].sort((a, b) => a - b);
}
