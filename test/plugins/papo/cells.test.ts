import { createRandom, type EncodedPicture, type Picture } from "@papo/core";
import { describe, expect, it } from "vitest";
import {
  fillCells,
  fillPatches,
  fillSquares,
  pictureCells,
  tokenCells,
  type Fill,
} from "../../../plugins/papo/cells.ts";

const brush = (fill: Fill) => ({ fill, sigma: 2, random: createRandom(1) });
/** Left half white, right half (100, 0, 50). */
const picture: Picture = {
  width: 8,
  height: 4,
  data: Uint8Array.from({ length: 96 }, (_, i) => (Math.floor(i / 3) % 8 < 4 ? 255 : [100, 0, 50][i % 3]!)),
  source: "halves",
};
const pixel = ({ data }: Picture, x: number, y: number): number[] => [
  ...data.subarray((y * 8 + x) * 3, (y * 8 + x) * 3 + 3),
];

describe("squares of a picture", () => {
  it("become black, its mean colour, noise, or itself blurred; others stay", async () => {
    const chosen = [1, 0];
    const filled = async (fill: Fill): Promise<Picture> => fillSquares(picture, 4, chosen, brush(fill));
    expect(pixel(await filled("black"), 1, 1)).toEqual([0, 0, 0]);
    expect(pixel(await filled("mean"), 1, 1)).toEqual([178, 128, 153]);
    const noise = await filled("noise");
    expect(
      new Set(Array.from({ length: 16 }, (_, i) => pixel(noise, i % 4, Math.floor(i / 4)).join())).size,
    ).toBeGreaterThan(12);
    // Near the edge the blur lets the other half through.
    expect(pixel(await filled("blur"), 3, 1)[1]!).toBeLessThan(pixel(picture, 3, 1)[1]! - 20);
    for (const fill of ["black", "mean", "noise", "blur"] as const)
      expect(pixel(await filled(fill), 6, 2)).toEqual([100, 0, 50]);
    expect((await filled("noise")).data).toEqual(noise.data);
  });

  it("of a grid cover the whole picture, whatever its size", async () => {
    const filled = await fillCells(
      { ...picture, width: 8, height: 4 },
      3,
      3,
      [0, 0, 0, 0, 1, 0, 0, 0, 0],
      brush("black"),
    );
    const black = Array.from({ length: 32 }, (_, i) =>
      pixel(filled, i % 8, Math.floor(i / 8)).every((value) => value === 0),
    );
    // Row 2 of 4 (4·1/3 … 4·2/3), columns 3 to 5 of 8.
    expect(black.flatMap((is, i) => (is ? [i] : []))).toEqual([2 * 8 + 3, 2 * 8 + 4, 2 * 8 + 5]);
  });
});

describe("patches", () => {
  // Two patches of three channels, two numbers each.
  const encoded: EncodedPicture = {
    hash: "h",
    grid: [1, 1, 2],
    pixels: Float32Array.of(1, 3, 5, 5, 2, 4, 7, 7, 9, 9, 8, 8),
  };
  const range = { black: [-1, -2, -3], white: [1, 2, 3] };
  const filled = (fill: Fill): number[] => [
    ...fillPatches(encoded, pictureCells(encoded, "patches"), [1, 0], brush(fill), range).pixels,
  ];

  it("become black, the mean over all patches, noise between black and white, or their own mean", () => {
    expect(filled("black").slice(0, 6)).toEqual([-1, -1, -2, -2, -3, -3]);
    expect(filled("mean").slice(0, 6)).toEqual([4.5, 4.5, 7, 7, 5.5, 5.5]);
    expect(filled("blur").slice(0, 6)).toEqual([2, 2, 5, 5, 3, 3]);
    filled("noise")
      .slice(0, 6)
      .forEach((value, i) => expect(Math.abs(value)).toBeLessThanOrEqual([1, 2, 3][Math.floor(i / 2)]!));
    for (const fill of ["black", "mean", "noise", "blur"] as const)
      expect(filled(fill).slice(6)).toEqual([7, 7, 9, 9, 8, 8]);
    expect([...encoded.pixels.subarray(0, 2)]).toEqual([1, 3]);
  });

  it("of a picture in tiles are masked in its overview where they are in a tile", () => {
    // 1 × 2 tiles of 2 × 2 patches of 2 × 2 pixels, one visual token of 2 × 2 patches each, and their overview.
    const layout = {
      patch: 2,
      temporal: 1,
      merge: 2,
      order: "rows",
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    } as const;
    const tiled: EncodedPicture = {
      hash: "t",
      grid: [3, 2, 2],
      tiles: { rows: 1, columns: 2 },
      layout,
      pixels: new Float32Array(12 * 12).fill(0.25),
    };
    const none = { black: null, white: null };
    const cells = pictureCells(tiled, "patches");
    expect(cells.count).toBe(8);
    // The lower right patch of the second tile.
    const { pixels } = fillPatches(tiled, cells, [0, 0, 0, 0, 0, 0, 0, 1], brush("black"), none);
    const black = [...pixels].flatMap((value, i) => (value === -1 ? [i] : []));
    // Whole in its tile; in the overview it is the right column of the lower right patch, both its rows.
    const whole = Array.from({ length: 12 }, (_, i) => 7 * 12 + i);
    const shown = [0, 1, 2].flatMap((channel) => [1, 3].map((pixel) => 11 * 12 + channel * 4 + pixel));
    expect(black).toEqual([...whole, ...shown]);
    expect(pictureCells(tiled, "merge").count).toBe(2);
    expect(tokenCells(tiled).count).toBe(3);
    expect([0, 3, 4, 11].map((patch) => tokenCells(tiled).of(patch))).toEqual([0, 0, 1, 2]);
  });
});
