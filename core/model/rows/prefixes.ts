/** Prompts in padded slots, for passes over them alone and with their responses after them. */
import type { HostArray } from "../../graph/executor.ts";
import type { Decoder } from "../model.ts";
import { blockFeeds, tileFeeds } from "./attention-blocks.ts";
import { type PlacedPrompt, readTokens } from "./groups.ts";
import { causal } from "./masks.ts";
import { type Extent, extentOf } from "./sizes.ts";
import { Sources } from "./sources.ts";

export interface PrefixOptions {
  /** Attention is computed in blocks of rows. Default false. */
  readonly inBlocks?: boolean;
  /** Prompts are padded to so many tokens. Default: to the longest. */
  readonly P?: number;
  /** All sizes are among few. Default false. */
  readonly padded?: boolean;
}

/** Feeds of `prefixInputs`. @throws Error for prompts that cannot be sampled from */
export function prefixFeeds(
  decoder: Decoder,
  prompts: readonly PlacedPrompt[],
  features: HostArray,
  { inBlocks = false, P = 0, padded = false }: PrefixOptions = {},
): Record<string, HostArray> {
  if (prompts.some(({ prompt }) => prompt.values !== undefined)) {
    throw new Error("prompts that change what attention reads can be scored, and not sampled from");
  }
  const longest = extentOf(prompts.map((prompt) => ({ ...prompt, responses: [] })));
  const extent = { ...longest, P: Math.max(P, longest.P) };
  const sources = new Sources(decoder.pictureToken, padded);
  const rows = extent.B * extent.P;
  const { prefix, components } = prefixRows(decoder, prompts, sources, extent, rows);
  const { cos, sin } = decoder.rotary(components);
  return {
    "prefix.source": { shape: [extent.B, extent.P], data: sources.resolve(prefix) },
    ...(inBlocks ? prefixBlocks(extent, decoder.heads, padded) : { "prefix.causal": causal(extent.P) }),
    ...sources.feeds(features),
    cos: { shape: [rows, decoder.headSize / 2], data: cos },
    sin: { shape: [rows, decoder.headSize / 2], data: sin },
  };
}

/** Each prefix is a segment, its padding too: nothing real attends to that. */
function prefixBlocks({ B, P }: Pick<Extent, "B" | "P">, heads: number, padded: boolean): Record<string, HostArray> {
  const segments = Array.from({ length: B }, (_, b) => ({
    start: b * P,
    end: (b + 1) * P,
    seen: [0, 0] as const,
    causal: true,
  }));
  return padded ? tileFeeds("attention", segments, B * P) : blockFeeds("attention", segments, heads);
}

/**
 * Sources of the prefix slots [B·P], rotary positions [3, slots] of which only theirs are filled, and the position that
 * comes after each prompt, [B].
 */
export function prefixRows(
  decoder: Decoder,
  prompts: readonly PlacedPrompt[],
  sources: Sources,
  { B, P }: Extent,
  slots: number,
): { readonly prefix: Int32Array; readonly components: Int32Array; readonly next: readonly number[] } {
  const prefix = new Int32Array(B * P);
  const components = new Int32Array(3 * slots);
  const next = prompts.map((placed, b) => {
    const { ids } = placed.prompt;
    const positions = decoder.positions(placed.prompt);
    sources.prompt(placed, prefix, b * P);
    readTokens(placed.prompt, decoder.pictureToken).forEach(({ token }, i) => {
      for (let component = 0; component < 3; component++) {
        components[component * slots + b * P + i] = positions.components[component * ids.length + token] as number;
      }
    });
    return positions.next;
  });
  return { prefix, components, next };
}
