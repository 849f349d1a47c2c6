import { expect, test } from "vitest";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { createRowOrder, type RowOrder } from "../../../core/data/row-order.ts";
import { createRandom } from "../../../core/math/random.ts";

const dataset = arrayDataset(Array.from({ length: 7 }, (_, index) => ({ prompt: `question ${index}` })));
const take = async (order: RowOrder, count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let taken = 0; taken < count; taken++) ids.push((await order.next()).id);
  return ids;
};

test("every pass holds each row once, in an order of its own that follows from the seed", async () => {
  const rows = await take(createRowOrder(dataset, createRandom(3)), 21);
  const passes = [rows.slice(0, 7), rows.slice(7, 14), rows.slice(14)];
  for (const pass of passes) expect([...pass].sort()).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
  expect(new Set(passes.map(String)).size).toBe(3);
  expect(await take(createRowOrder(dataset, createRandom(3)), 21)).toEqual(rows);
  expect(await take(createRowOrder(dataset, createRandom(4)), 21)).not.toEqual(rows);
});

test("a saved position goes on where it was, also at the end of a pass", async () => {
  const whole = await take(createRowOrder(dataset, createRandom(3)), 21);
  for (const cut of [0, 3, 7, 10, 14]) {
    const first = createRowOrder(dataset, createRandom(3));
    await take(first, cut);
    const second = createRowOrder(dataset, createRandom(3), first.position);
    expect(await take(second, 21 - cut)).toEqual(whole.slice(cut));
  }
});

test("an empty dataset is an error that says what was left out", () => {
  expect(() => createRowOrder(arrayDataset([], "train"), createRandom(1))).toThrow('Dataset "train" is empty');
  const skipped = { ...arrayDataset([], "train"), skipped: [{ where: "line 1", reason: "not JSON" }] };
  expect(() => createRowOrder(skipped, createRandom(1))).toThrow(/after leaving out 1 rows \(first line 1: not JSON\)/);
});
