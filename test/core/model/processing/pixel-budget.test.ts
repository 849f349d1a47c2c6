import { expect, test } from "vitest";
import { PixelBudget } from "../../../../core/model/processing/pixel-budget.ts";

test("work is begun as far as the budget goes, in the order in which it was asked for, and what is larger than all of it runs alone", async () => {
  const budget = new PixelBudget(10);
  const [begun, ends]: [number[], (() => void)[]] = [[], []];
  const ask = (pixels: number): Promise<void> =>
    budget.with(
      pixels,
      () =>
        new Promise<void>((end) => {
          begun.push(pixels);
          ends.push(end);
        }),
    );
  const all = [ask(6), ask(5), ask(1), ask(25), ask(2)];
  await Promise.resolve();
  // 1 would fit, and 5 has waited longer.
  expect(begun).toEqual([6]);
  ends[0]!();
  await all[0];
  expect(begun).toEqual([6, 5, 1]);
  ends[1]!();
  ends[2]!();
  await Promise.all([all[1], all[2]]);
  expect(begun).toEqual([6, 5, 1, 25]);
  ends[3]!();
  await all[3];
  expect(begun).toEqual([6, 5, 1, 25, 2]);
  ends[4]!();
  await all[4];
});

test("work that fails gives its share back", async () => {
  const budget = new PixelBudget(10);
  await expect(budget.with(10, () => Promise.reject(new Error("damaged")))).rejects.toThrow("damaged");
  expect(await budget.with(10, () => Promise.resolve(1))).toBe(1);
});
