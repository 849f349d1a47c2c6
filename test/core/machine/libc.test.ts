import { platform } from "node:os";
import { expect, test } from "vitest";
import { clearPages } from "../../../core/machine/libc.ts";

const filled = (length: number): Float32Array => new Float32Array(length).fill(3);

test("leaves zeros in small arrays and in large ones, in all of them and nowhere else", () => {
  for (const length of [0, 5, 1000, 600_000, 5_000_001]) {
    const around = filled(length + 10);
    clearPages(around.subarray(7, 7 + length));
    expect([...around.subarray(0, 7), ...around.subarray(7 + length)], `${length} numbers`).toEqual(Array(10).fill(3));
    expect(around.subarray(7, 7 + length).every((value) => value === 0), `${length} numbers`).toBe(true);
  }
});

test.skipIf(platform() !== "linux" || process.report.getReport()["header" as never]["glibcVersionRuntime"] === undefined)("takes no memory for a large array until it is written to", () => {
  const array = filled(2 ** 24);
  const resident = process.memoryUsage.rss();
  clearPages(array);
  expect(resident - process.memoryUsage.rss()).toBeGreaterThan(0.9 * array.byteLength);
  array.fill(1);
  expect(array.every((value) => value === 1)).toBe(true);
});
