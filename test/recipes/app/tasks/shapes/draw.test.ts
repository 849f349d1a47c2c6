import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { createRandom } from "../../../../../core/math/random.ts";
import {
  cellSize,
  drawScene,
  encodePng,
  loadSprites,
  type Sprites,
} from "../../../../../recipes/app/tasks/shapes/draw.ts";
import { colours, symbols, type Scene } from "../../../../../recipes/app/tasks/shapes/scene.ts";

let sprites: Sprites;
beforeAll(async () => {
  sprites = await loadSprites();
});

const scene: Scene = {
  grid: { rows: 2, columns: 3 },
  objects: [
    { cell: "a1", colour: "red", symbol: "square" },
    { cell: "b3", colour: "blue", symbol: "4" },
  ],
};

test("the same key paints the same bytes, another key others", () => {
  const random = createRandom(1).key("picture");
  expect(drawScene(scene, random, sprites)).toEqual(drawScene(scene, random, sprites));
  expect(drawScene(scene, random, sprites).data).not.toEqual(drawScene(scene, createRandom(2), sprites).data);
});

test("rasterising again gives the same sprites", async () => {
  expect(await loadSprites()).toEqual(sprites);
});

test("a PNG reads back as the picture", async () => {
  const picture = drawScene(scene, createRandom(1), sprites);
  const { data, info } = await sharp(await encodePng(picture))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([84, 56, 3]);
  expect(new Uint8Array(data)).toEqual(picture.data);
});

test("every symbol at every size covers a good part of its sprite and differs from every other", () => {
  expect(sprites.coverage.size).toBe(symbols.length * 3);
  const all = [...sprites.coverage];
  for (const [name, sprite] of all) {
    const covered = sprite.reduce((sum, value) => sum + value, 0);
    expect(covered, name).toBeGreaterThan(35);
    expect(covered, name).toBeLessThan(500);
    const nearest = Math.min(...all.filter(([other]) => other !== name).map(([, other]) => distance(sprite, other)));
    expect(nearest, name).toBeGreaterThan(10);
  }
});

const distance = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0);

/** Mean colour of the middle of a cell, [3]. */
function middleOf(picture: { width: number; data: Uint8Array }, row: number, column: number): number[] {
  const sums = [0, 0, 0];
  for (let y = 10; y < 18; y++) {
    for (let x = 10; x < 18; x++) {
      const pixel = ((row * cellSize + y) * picture.width + column * cellSize + x) * 3;
      for (let channel = 0; channel < 3; channel++)
        sums[channel] = (sums[channel] ?? 0) + (picture.data[pixel + channel] ?? 0) / 64;
    }
  }
  return sums;
}

test("an object lies in the middle of its cell, in its colour; an empty cell is light", () => {
  for (let seed = 0; seed < 20; seed++) {
    for (const colour of colours) {
      const painted = drawScene(
        { grid: { rows: 2, columns: 2 }, objects: [{ cell: "b1", colour, symbol: "square" }] },
        createRandom(seed),
        sprites,
      );
      const [red = 0, green = 0, blue = 0] = middleOf(painted, 1, 0);
      const expected = {
        red: red > 180 && green < 80,
        green: green > 140 && red < 80,
        blue: blue > 190 && red < 90,
        yellow: red > 190 && green > 170 && blue < 60,
        purple: blue > 160 && red > 120 && green < 90,
      };
      expect(expected[colour], `${colour} ${red} ${green} ${blue}`).toBe(true);
      expect(Math.min(...middleOf(painted, 0, 1))).toBeGreaterThan(180);
    }
  }
});
