/** Which rows predict which tokens. */
import type { HostArray } from "../../graph/executor.ts";
import { bucket } from "../../math/bucket.ts";
import type { SegmentLayout, SlottedToken } from "./segments.ts";
import { padded } from "./sizes.ts";

/**
 * Rows that are predicted from, [M] each: the row whose hidden state predicts, the row of the token itself, its id and
 * its prompt.
 */
export interface Predictions {
  readonly hidden: Int32Array;
  readonly own: Int32Array;
  readonly targets: Int32Array;
  readonly group: Int32Array;
  /** Which of them a predicted token of the layout is, in the layout's order. */
  readonly ofToken: Int32Array;
}

/** A token's own row says what came before it, so that tokens of one row are one prediction. */
export function predictionsOf({ predicted }: SegmentLayout, rowOfSlot: Int32Array): Predictions {
  const indexOf = new Map<number, number>();
  const firsts: SlottedToken[] = [];
  const ofToken = Int32Array.from(predicted, (token) => {
    const row = rowOfSlot[token.slot]!;
    const index = indexOf.get(row) ?? firsts.push(token) - 1;
    indexOf.set(row, index);
    return index;
  });
  return {
    hidden: Int32Array.from(firsts, ({ before }) => rowOfSlot[before]!),
    own: Int32Array.from(firsts, ({ slot }) => rowOfSlot[slot]!),
    targets: Int32Array.from(firsts, ({ id }) => id),
    group: Int32Array.from(firsts, ({ group }) => group),
    ofToken,
  };
}

/** Predictions of which each token has its own. */
export function onePerToken({ hidden, own, targets, group, ofToken }: Predictions): Predictions {
  const each = (numbers: Int32Array): Int32Array => ofToken.map((prediction) => numbers[prediction]!);
  return {
    hidden: each(hidden),
    own: each(own),
    targets: each(targets),
    group: each(group),
    ofToken: Int32Array.from(ofToken.keys()),
  };
}

/** Predictions with others after them that nobody asks for, so that their number is among few. */
export function paddedPredictions({ hidden, own, targets, group, ofToken }: Predictions, least = 0): Predictions {
  const more = (numbers: Int32Array): Int32Array => padded(numbers, Math.max(least, bucket(numbers.length, 8)), 0);
  return { hidden: more(hidden), own: more(own), targets: more(targets), group: more(group), ofToken };
}

export function predictionFeeds({ hidden, targets }: Predictions): Record<string, HostArray> {
  return {
    "hidden.rows": { shape: [hidden.length], data: hidden },
    targets: { shape: [targets.length], data: targets },
  };
}

/**
 * For means over a prompt's regarded visual tokens: "picture.mean" [B, P], 1 / n on those that are read and 0
 * elsewhere; "prompt.of" [M], the prompt of each prediction, and "token.rows" [M], the token's own row.
 */
export function pictureMeanFeeds(
  { B, P, regarded }: SegmentLayout,
  { own, group }: Predictions,
): Record<string, HostArray> {
  const data = Float32Array.from(regarded);
  for (let b = 0; b < B; b++) {
    const ofPrompt = data.subarray(b * P, (b + 1) * P);
    const count = ofPrompt.reduce((sum, flag) => sum + flag, 0);
    ofPrompt.forEach((flag, i) => (ofPrompt[i] = flag === 0 ? 0 : 1 / count));
  }
  return {
    "picture.mean": { shape: [B, 1, P], data },
    "token.rows": { shape: [own.length], data: own },
    "prompt.of": { shape: [group.length], data: group },
  };
}
