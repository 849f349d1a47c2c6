import { expect, it } from "vitest";
import { Stopwatch } from "../../../core/scores/stopwatch.ts";

/** Work that lasts until the clock has moved. */
function waitForTheClock(): void {
  const start = performance.now();
  while (performance.now() === start);
}

it("gives back what the work gives, and adds up its time by phase", async () => {
  const watch = new Stopwatch();
  expect(watch.timeSync("loss", () => 7)).toBe(7);
  expect(await watch.time("sampling", Promise.resolve("text"))).toBe("text");
  const before = watch.seconds;
  watch.timeSync("loss", waitForTheClock);
  expect(Object.keys(watch.seconds)).toEqual(["loss", "sampling"]);
  expect(watch.seconds["loss"]).toBeGreaterThan(before["loss"] ?? Infinity);
  expect(watch.seconds["sampling"]).toBe(before["sampling"]);
});

it("lets errors through, and counts the time until them", async () => {
  const watch = new Stopwatch();
  expect(() =>
    watch.timeSync("loss", () => {
      throw new Error("no loss");
    }),
  ).toThrow("no loss");
  await expect(watch.time("sampling", Promise.reject(new Error("no sample")))).rejects.toThrow("no sample");
  expect(Object.keys(watch.seconds)).toEqual(["loss", "sampling"]);
});
