import { expect, test } from "vitest";
import {
  curriculumKinds,
  makeExample,
  sharedSprites,
  supervisedExamples,
} from "../../../../../recipes/app/tasks/shapes/examples.ts";
import { defaultKinds, hardKinds } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import { mixedGrids, splitOf } from "../../../../../recipes/app/tasks/shapes/scene.ts";
import { readFields } from "../../../../../recipes/app/tasks/shapes/truth.ts";

test("an example depends on seed, split and index alone", async () => {
  const sprites = await sharedSprites();
  const [all] = [await supervisedExamples({ seed: 1, start: 0, count: 20, directShare: 0.5 })];
  const some = await supervisedExamples({ seed: 1, start: 15, count: 5, directShare: 0.5 });
  expect(some).toEqual(all.slice(15));
  const { response: _, ...last } = some[4]!;
  expect(makeExample(19, { seed: 1, split: "train" }, sprites)).toEqual(last);
  expect(
    makeExample(19, { seed: 2, split: "train" }, sprites).row.prompt +
      makeExample(18, { seed: 2, split: "train" }, sprites).row.prompt,
  ).not.toBe(all[19]!.row.prompt + all[18]!.row.prompt);
});

test("shares: one question in eight needs no picture, as many answers are direct as asked for, all kinds come up", async () => {
  const examples = await supervisedExamples({ seed: 3, start: 0, count: 1500, directShare: 0.65 });
  const free = examples.filter(({ row }) => row.fields["visionDependent"] === false).length / examples.length;
  const direct = examples.filter(({ response }) => response.startsWith("<think> </think>")).length / examples.length;
  expect(free).toBeGreaterThan(0.1);
  expect(free).toBeLessThan(0.15);
  expect(direct).toBeGreaterThan(0.6);
  expect(direct).toBeLessThan(0.7);
  expect([...new Set(examples.map(({ item }) => item.kind.name))].sort()).toEqual(
    ["arithmetic", ...defaultKinds].sort(),
  );
  expect(examples.every(({ item }) => splitOf(item.scene) === "train")).toBe(true);
});

test("pictures have the size of their grid, whole cells of 28 pixels", async () => {
  const sprites = await sharedSprites();
  const sizes = new Set<string>();
  for (let index = 0; index < 100; index++) {
    const { picture, item } = makeExample(
      index,
      { seed: 4, split: "test", grids: mixedGrids, kinds: hardKinds },
      sprites,
    );
    expect([picture.width, picture.height]).toEqual([item.scene.grid.columns * 28, item.scene.grid.rows * 28]);
    expect(picture.data).toHaveLength(picture.width * picture.height * 3);
    sizes.add(`${picture.width}x${picture.height}`);
  }
  expect([...sizes].sort()).toEqual(["112x112", "84x112", "84x56", "84x84"]);
});

test("the curriculum begins with one kind and ends with all", () => {
  expect(curriculumKinds(0)).toEqual(["at"]);
  expect(curriculumKinds(0.1)).toEqual(["at", "count_colour", "count_shape", "relation"]);
  expect(curriculumKinds(0.15)).toEqual(defaultKinds);
});

test("a row says what its picture shows", async () => {
  const { row, item } = makeExample(7, { seed: 1, split: "test" }, await sharedSprites());
  expect(readFields(row)).toEqual({
    kind: item.kind.name,
    visionDependent: item.kind.level !== "free",
    facts: item.facts,
    reasoning: item.conclusion,
    scene: item.scene,
  });
});
