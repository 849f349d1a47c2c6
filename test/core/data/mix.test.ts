import { expect, test } from "vitest";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { mixDatasets } from "../../../core/data/mix.ts";
import { createRowOrder } from "../../../core/data/row-order.ts";
import { createRandom } from "../../../core/math/random.ts";

const rows = (name: string, count: number) =>
  arrayDataset(
    Array.from({ length: count }, (_, index) => ({ id: String(index), prompt: name })),
    name,
  );

test("a mix has its proportions all along a pass, no row twice in one, and another order in the next", async () => {
  const mix = mixDatasets([
    { dataset: rows("a", 30), weight: 3 },
    { dataset: rows("b", 100), weight: 1 },
  ]);
  expect([mix.name, mix.size]).toEqual(["mix of a (75 %), b (25 %)", 40]);
  const order = createRowOrder(mix, createRandom(5));
  const take = async (count: number, from = order): Promise<string[]> => {
    const ids = [];
    for (let index = 0; index < count; index++) ids.push((await from.next()).id);
    return ids;
  };
  const first = await take(40);
  expect(new Set(first).size).toBe(40);
  for (let start = 0; start + 8 <= 40; start += 4) {
    const own = first.slice(start, start + 8).filter((id) => id.startsWith("a/")).length;
    expect(own).toBeGreaterThanOrEqual(5);
    expect(own).toBeLessThanOrEqual(7);
  }
  const second = await take(40);
  expect(second).not.toEqual(first);
  expect(second.filter((id) => id.startsWith("b/"))).not.toEqual(first.filter((id) => id.startsWith("b/")));
  const again = createRowOrder(mix, createRandom(5), { epoch: 0, index: 25 });
  expect(await take(15, again)).toEqual(first.slice(25));
});

test("says what is wrong with a part", () => {
  expect(() => mixDatasets([])).toThrow("at least one dataset");
  expect(() => mixDatasets([{ dataset: rows("a", 3), weight: 0 }])).toThrow(
    'The weight of dataset "a" in the mix is 0',
  );
  expect(() => mixDatasets([{ dataset: rows("a", 0), weight: 1 }])).toThrow('Dataset "a" of the mix is empty');
  expect(() =>
    mixDatasets([
      { dataset: rows("a", 1), weight: 1 },
      { dataset: rows("a", 2), weight: 1 },
    ]),
  ).toThrow('two datasets named "a"');
});
