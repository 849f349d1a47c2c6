import { readFileSync } from "node:fs";
import { platform } from "node:os";
import { expect, test } from "vitest";
import { GradientArrays } from "../../../../core/learner/optimizer/gradient-arrays.ts";

/** Resident bytes of this process. */
const resident = (): number => Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096;

test.each([true, false])("are of their sizes, apart, and zeros after they were cleared (handed back: %s)", (back) => {
  const sizes = new Map([
    ["a", 5],
    ["b", 0],
    ["large", 3_000_001],
    ["c", 1],
  ]);
  const arrays = new GradientArrays(sizes, back);
  for (let round = 1; round <= 2; round++) {
    for (const [i, [name, size]] of [...sizes].entries()) {
      expect(arrays.get(name)).toHaveLength(size);
      expect(arrays.get(name).every((value) => value === 0)).toBe(true);
      expect(arrays.get(name).byteOffset % 64).toBe(0);
      arrays.get(name).fill(i + 1);
    }
    for (const [i, name] of [...sizes.keys()].entries())
      expect(arrays.get(name).every((value) => value === i + 1)).toBe(true);
    arrays.clear();
  }
});

test("have none of what is not trained", () => {
  expect(() => new GradientArrays(new Map([["a", 1]]), false).get("b")).toThrow(
    '"b" is not trained, and has no gradient',
  );
});

test("are in blocks where one would be too large, and take no memory before they are written to", () => {
  const arrays = new GradientArrays(
    new Map([
      ["a", 2 ** 27],
      ["b", 2 ** 27],
      ["c", 2 ** 27],
      ["d", 10],
    ]),
    true,
  );
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => arrays.get(name).buffer);
  expect([b === a, c === a, d === c]).toEqual([true, false, true]);
});

// What a page costs that comes anew is a fault; a small model's gradient is kept.
test.runIf(platform() === "linux").each([true, false])("give their memory back where it is asked for: %s", (back) => {
  const numbers = 2 ** 25;
  const arrays = new GradientArrays(new Map([["a", numbers]]), back);
  arrays.get("a").fill(1);
  const before = resident();
  arrays.clear();
  const less = before - resident();
  expect(less > 2 * numbers).toBe(back);
});
