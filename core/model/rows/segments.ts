/** Prompts and their responses in padded slots: what every layout of rows is made from. */
import type { HostArray } from "../../graph/executor.ts";
import { type Decoder, promptLength } from "../model.ts";
import { readTokens, type SegmentGroup } from "./groups.ts";
import { prefixRows } from "./prefixes.ts";
import { responsePositions } from "./response-positions.ts";
import { atLeast, type Extent, extentOf, noSizes, paddedExtent, type PassSizes } from "./sizes.ts";
import { Sources } from "./sources.ts";

/** A response's token: its place, its id, its slot, and the slot of the token before. */
export interface SlottedToken {
  readonly group: number;
  readonly response: number;
  readonly position: number;
  readonly id: number;
  readonly slot: number;
  readonly before: number;
  /** It is of a picture that an environment gave. */
  readonly visual: boolean;
}

const noRows = new Int32Array(0);

/** Prompts and responses in padded slots: prefix slots [B·P], then response slots [B·N·R]. */
export interface SegmentLayout extends Extent {
  /** All sizes are among few (math/bucket.ts), for programs that are compiled for each. */
  readonly padded: boolean;
  readonly groups: readonly SegmentGroup[];
  /** Row of the embedding table that each slot reads, 0 in the padding, [S]. */
  readonly source: Int32Array;
  /** Rotary positions, [3, S]. */
  readonly components: Int32Array;
  /** Of responses, in order of group, response, position. */
  readonly tokens: readonly SlottedToken[];
  /** Those of them that the policy wrote: log-probs and other outputs are of these alone. */
  readonly predicted: readonly SlottedToken[];
  /** 1 for regarded visual tokens, [B·P]. */
  readonly regarded: Uint8Array;
  readonly table: Record<string, HostArray>;
  /** What padded sizes are brought to at least. */
  readonly least: PassSizes;
}

/** @param padded see SegmentLayout @param least of padded sizes: passes that run side by side have equal ones */
export function segmentLayout(
  decoder: Decoder,
  groups: readonly SegmentGroup[],
  features: HostArray,
  padded = false,
  least = noSizes,
): SegmentLayout {
  const extent = padded ? atLeast(paddedExtent(extentOf(groups)), least) : extentOf(groups);
  const { B, P, N, R } = extent;
  const slots = B * P + B * N * R;
  const sources = new Sources(decoder.pictureToken, padded, least.K);
  const { prefix, components, next } = prefixRows(decoder, groups, sources, extent, slots);
  const source = new Int32Array(slots);
  source.set(prefix);
  const tokens: SlottedToken[] = [];
  const predicted: SlottedToken[] = [];
  groups.forEach(({ prompt, responses, given }, group) => {
    const last = group * P + promptLength(prompt) - 1;
    responses.forEach((ids, response) => {
      const start = B * P + (group * N + response) * R;
      const { flags, pictures = [], featureRows = noRows } = given?.[response] ?? {};
      sources.response(ids, source, start, featureRows);
      const places = responsePositions(decoder, prompt, { tokens: ids, pictures }, next[group] as number).components;
      ids.forEach((id, position) => {
        const slot = start + position;
        for (let component = 0; component < 3; component++) {
          components[component * slots + slot] = places[component * ids.length + position] as number;
        }
        const visual = pictures.length > 0 && id === decoder.pictureToken;
        const token = { group, response, position, id, slot, visual, before: position === 0 ? last : slot - 1 };
        tokens.push(token);
        if (flags?.[position] !== 1) predicted.push(token);
      });
    });
  });
  return {
    ...extent,
    padded,
    groups,
    source: sources.resolve(source),
    components,
    tokens,
    predicted,
    regarded: regardedSlots(decoder, groups, extent),
    table: sources.feeds(features, least.F),
    least,
  };
}

/** Of the prefix slots, [B·P]. */
function regardedSlots({ pictureToken }: Decoder, groups: readonly SegmentGroup[], { B, P }: Extent): Uint8Array {
  const flags = new Uint8Array(B * P);
  groups.forEach(({ prompt }, b) => {
    readTokens(prompt, pictureToken).forEach(({ visual }, i) => {
      flags[b * P + i] = visual === null ? 0 : (prompt.regarded?.[visual] ?? 1);
    });
  });
  return flags;
}

/** Tokens of each group's prompt that are read, [B]. */
export const promptLengths = ({ groups }: SegmentLayout): Int32Array =>
  Int32Array.from(groups, ({ prompt }) => promptLength(prompt));
