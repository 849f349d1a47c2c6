import { expect, test } from "vitest";
import { createRandom } from "../../../../../core/math/random.ts";
import { drawsOf } from "../../../../../recipes/app/tasks/shapes/draws.ts";
import { kindOf, questionKinds, sampleItem } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import {
  cellPlace,
  defaultGrid,
  mixedGrids,
  sampleScene,
  sceneKey,
  splitOf,
  type Scene,
} from "../../../../../recipes/app/tasks/shapes/scene.ts";

const scenes = (count: number): Scene[] =>
  Array.from({ length: count }, (_, index) =>
    sampleScene(drawsOf(createRandom(1).key(index)), { grid: defaultGrid, digits: null }),
  );

test("a scene has 2 to 6 objects in different cells, in reading order", () => {
  for (const scene of scenes(500)) {
    const places = scene.objects.map(({ cell }) => cellPlace(cell, scene.grid));
    const order = places.map((place) => (place === null ? -1 : place.row * scene.grid.columns + place.column));
    expect(order.length).toBeGreaterThanOrEqual(2);
    expect(order.length).toBeLessThanOrEqual(6);
    expect(order.every((place, index) => place > (order[index - 1] ?? -1))).toBe(true);
  }
});

test("larger grids hold more, and every cell named is on the grid", () => {
  for (const grid of mixedGrids) {
    const scene = sampleScene(drawsOf(createRandom(2)), { grid, digits: [2, 2] });
    expect(scene.objects.every(({ cell }) => cellPlace(cell, grid) !== null)).toBe(true);
    expect(scene.objects.filter(({ symbol }) => /\d/.test(symbol))).toHaveLength(2);
  }
  expect(cellPlace("c1", { rows: 2, columns: 3 })).toBeNull();
  expect(cellPlace("a10", defaultGrid)).toBeNull();
});

test("a fifth of all scenes belongs to the test split", () => {
  const share = scenes(5000).filter((scene) => splitOf(scene) === "test").length / 5000;
  expect(share).toBeGreaterThan(0.17);
  expect(share).toBeLessThan(0.23);
});

test("no scene of 8,000 training items is among 8,000 test items, over every kind of question", () => {
  const seen = (split: "train" | "test"): Set<string> => {
    const keys = new Set<string>();
    for (let index = 0; index < 8_000; index++) {
      const kind = kindOf(questionKinds[index % questionKinds.length]?.name ?? "");
      keys.add(
        sceneKey(sampleItem(drawsOf(createRandom(3).key(split, index)), { split, kind, grid: defaultGrid }).scene),
      );
    }
    return keys;
  };
  const train = seen("train");
  const shared = [...seen("test")].filter((key) => train.has(key));
  expect(train.size).toBeGreaterThan(6000);
  expect(shared).toEqual([]);
});
