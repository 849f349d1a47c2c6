import { expect, test } from "vitest";
import { bucket } from "../../../core/math/bucket.ts";

test("a size's bucket is the next of few, and its own", () => {
  const sizes = Array.from({ length: 600 }, (_, i) => i + 1);
  expect([...new Set(sizes.slice(0, 64).map((size) => bucket(size)))]).toEqual([
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64,
  ]);
  for (const steps of [2, 4, 8]) {
    for (const size of sizes) {
      const padded = bucket(size, steps);
      expect(padded).toBeGreaterThanOrEqual(size);
      expect(padded).toBeLessThan(size * (1 + 1 / steps) + 1e-9);
      expect(bucket(padded, steps)).toBe(padded);
    }
  }
});
