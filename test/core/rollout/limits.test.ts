import { expect, test } from "vitest";
import { samplerLimits } from "../../../core/rollout/limits.ts";

const gibibyte = 2 ** 30;

test.each([
  [20, 8, 4],
  [3, 1, 1],
  [0.5, 1, 1],
  [-4, 1, 1],
])("%s GiB beside the weights: a cache of %s, a copy of %s", (left, cache, copy) => {
  expect(samplerLimits(left * gibibyte)).toEqual({ cacheBytes: cache * gibibyte, copyBytes: copy * gibibyte });
});
