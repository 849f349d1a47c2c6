/** Prompts whose pictures have features, with the responses that share them: what a pass is made of. */
import type { EncodedPrompt, GivenTokens } from "../model.ts";

/** A prompt with the visual features' rows of its pictures' tokens, in order. */
export interface PlacedPrompt {
  readonly prompt: EncodedPrompt;
  readonly featureRows: Int32Array;
}

/** Prompts, each with the responses that share it. */
export interface SegmentGroup extends PlacedPrompt {
  readonly responses: readonly Int32Array[];
  /** What an environment wrote of each response. Default: nothing of any. */
  readonly given?: readonly (PlacedGiven | null)[];
}

/** Tokens that an environment wrote, with the visual features' rows of its pictures' tokens, in order. */
export interface PlacedGiven extends GivenTokens {
  readonly featureRows: Int32Array;
}

/** A token that the decoder reads: its index in `ids`, and of a visual one its number among the visual tokens. */
export interface ReadToken {
  readonly token: number;
  readonly visual: number | null;
}

/** The tokens of a prompt that the decoder reads, in order. */
export function readTokens({ ids, dropped }: EncodedPrompt, pictureToken: number): ReadToken[] {
  const read: ReadToken[] = [];
  let seen = 0;
  ids.forEach((id, token) => {
    const visual = id === pictureToken ? seen++ : null;
    if (visual === null || !dropped?.[visual]) read.push({ token, visual });
  });
  return read;
}
