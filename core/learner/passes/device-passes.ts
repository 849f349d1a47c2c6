/** Microbatches that run on several devices at once: cut so that devices have equal work, and fed in equal sizes. */
import { isDeepStrictEqual } from "node:util";
import type { HostArray } from "../../graph/executor.ts";
import { largestSizes, paddedExtent } from "../../model/rows/sizes.ts";
import type { LearnerBatch } from "../learner.ts";
import { type Microbatch, microbatches, paddedTokens } from "./microbatches.ts";
import type { PassFeeds, PassOptions } from "./pass-feeds.ts";

/**
 * Microbatches, in lists of those that run side by side: as few lists as `tokens` allows, the largest microbatch as
 * small as it can be for that, and microbatches of like size together. A list may be shorter than there are devices.
 */
export function sideBySide(batch: LearnerBatch, tokens: number, devices: number): Microbatch[][] {
  const cut = (limit: number): Microbatch[] => microbatches(batch, limit, paddedExtent);
  const wanted = Math.ceil(cut(tokens).length / devices) * devices;
  // More tokens never make more microbatches by more than the odd one: the smallest limit that is good is good enough.
  let [low, high] = [1, tokens];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (cut(middle).length <= wanted) high = middle;
    else low = middle + 1;
  }
  const sized = cut(high).map((microbatch) => ({
    microbatch,
    tokens: paddedTokens(batch, microbatch.groups, paddedExtent),
  }));
  const sorted = sized.sort((a, b) => b.tokens - a.tokens).map(({ microbatch }) => microbatch);
  return Array.from({ length: Math.ceil(sorted.length / devices) }, (_, i) =>
    sorted.slice(i * devices, (i + 1) * devices),
  );
}

/** Feeds of equal sizes and one layout. @param make a microbatch's feeds */
export function equalFeeds<Fed extends PassFeeds>(
  list: readonly Microbatch[],
  make: (microbatch: Microbatch, options: Partial<Pick<PassOptions, "least" | "sharesRows">>) => Fed,
): Fed[] {
  const alone = list.map((microbatch) => make(microbatch, {}));
  if (list.length === 1) return alone;
  const equal = (options: Partial<Pick<PassOptions, "sharesRows">>, of: readonly Fed[]): Fed[] => {
    const least = largestSizes(of.map(({ sizes }) => sizes));
    if (of.every(({ sizes }) => isDeepStrictEqual(sizes, least))) return [...of];
    return list.map((microbatch) => make(microbatch, { ...options, least }));
  };
  const isShared = ({ layout }: Fed): boolean => layout === "shared";
  const shared = alone.every(isShared) ? equal({}, alone) : [];
  // Where one has no free slot for the rows that another has more, none shares rows.
  if (shared.length > 0 && shared.every(isShared)) return shared;
  return equal(
    { sharesRows: false },
    list.map((microbatch) => make(microbatch, { sharesRows: false })),
  );
}

/** Feeds for every device: one that has nothing to do computes what another does, with cotangents of zero. */
export function feedsForAll(
  own: readonly Readonly<Record<string, HostArray>>[],
  devices: number,
): Readonly<Record<string, HostArray>>[] {
  if (own.length >= devices) return [...own];
  const [first] = own;
  const idle = Object.fromEntries(
    Object.entries(first ?? {}).map(([name, array]) => [
      name,
      name.startsWith("cotangent.") ? { ...array, data: new Float32Array(array.data.length) } : array,
    ]),
  );
  return Array.from({ length: devices }, (_, device) => own[device] ?? idle);
}
