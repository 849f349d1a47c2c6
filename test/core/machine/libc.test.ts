import { execFileSync } from "node:child_process";
import { platform } from "node:os";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { clearPages } from "../../../core/machine/libc.ts";

const filled = (length: number): Float32Array => new Float32Array(length).fill(3);

test("leaves zeros in small arrays and in large ones, in all of them and nowhere else", () => {
  for (const length of [0, 5, 1000, 600_000, 5_000_001]) {
    const around = filled(length + 10);
    clearPages(around.subarray(7, 7 + length));
    expect([...around.subarray(0, 7), ...around.subarray(7 + length)], `${length} numbers`).toEqual(Array(10).fill(3));
    expect(
      around.subarray(7, 7 + length).every((value) => value === 0),
      `${length} numbers`,
    ).toBe(true);
  }
});

const hasGlibc =
  platform() === "linux" && process.report.getReport()["header" as never]["glibcVersionRuntime"] !== undefined;

test.skipIf(!hasGlibc)("takes no memory for a large array until it is written to", () => {
  const array = filled(2 ** 24);
  const resident = process.memoryUsage.rss();
  clearPages(array);
  expect(resident - process.memoryUsage.rss()).toBeGreaterThan(0.9 * array.byteLength);
  array.fill(1);
  expect(array.every((value) => value === 1)).toBe(true);
});

/** MiB that a process still has after a hundred arrays of 1 MiB were freed, of 100. */
function keptOf(asked: string): number {
  const source = fileURLToPath(new URL("../../../core/machine/libc.ts", import.meta.url));
  const script = `
    import { keepFreedMemory } from ${JSON.stringify(source)};
    keepFreedMemory(${asked});
    const before = process.memoryUsage.rss();
    let arrays = Array.from({ length: 100 }, () => new Float32Array(2 ** 18).fill(1));
    arrays = null;
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
    console.log((process.memoryUsage.rss() - before) / 2 ** 20);`;
  const options = ["--expose-gc", "--import", "tsx", "--input-type=module", "--eval", script];
  return Number(execFileSync(process.execPath, options, { encoding: "utf8" }));
}

test.skipIf(!hasGlibc)("keeps what is freed, or gives arrays from a size on back", () => {
  expect(keptOf("")).toBeGreaterThan(80);
  expect(keptOf("2 ** 18")).toBeLessThan(20);
});
