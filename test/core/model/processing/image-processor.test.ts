import { describe, expect, test } from "vitest";
import { hashPixels, ImageProcessor, smartResize } from "../../../../core/model/processing/image-processor.ts";
import { parseImageSettings } from "../../../../core/model/processing/image-settings.ts";
import type { Picture, PixelLimits } from "../../../../core/model/processing/picture.ts";
import { TileProcessor } from "../../../../core/model/processing/tile-processor.ts";

const settings = {
  minPixels: 3136,
  maxPixels: 1003520,
  patchSize: 14,
  mergeSize: 2,
  temporalPatchSize: 2,
  rescaleFactor: 1 / 255,
};
const plain = new ImageProcessor({ ...settings, mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] }); // pixels are grey levels
const blank = (width: number, height: number): Picture => ({
  width,
  height,
  data: new Uint8Array(width * height * 3),
  source: "blank.png",
});

describe("smartResize", () => {
  test.each([
    [56, 56, 56, 56],
    [1, 1, 56, 56],
    [70, 98, 56, 112], // 2.5 and 3.5 multiples: halves go to the even one
    [200, 1, 812, 28], // just within the ratio
    [10, 2000, 28, 812],
  ])("%d×%d becomes %d×%d", (height, width, newHeight, newWidth) => {
    expect(smartResize(height, width, 28, 3136, 1003520)).toEqual({ height: newHeight, width: newWidth });
  });

  test("keeps within the limits of area", () => {
    const { height, width } = smartResize(4000, 3000, 28, 3136, 1003520);
    expect(height * width).toBeLessThanOrEqual(1003520);
    expect([height % 28, width % 28]).toEqual([0, 0]);
  });

  test("refuses sides in a ratio above 200", () => {
    expect(() => smartResize(10, 20000, 28, 3136, 1003520)).toThrow(
      "a picture of 20000×10 has sides in a ratio of 2000, and at most 200 can be encoded",
    );
    expect(() => smartResize(201, 1, 28, 3136, 1003520)).toThrow(/ratio of 201/);
  });
});

describe("ImageProcessor", () => {
  test("orders patches by merge block, and pixels by channel, frame, row, column", () => {
    const picture = blank(84, 56);
    for (let y = 0; y < 56; y++) for (let x = 0; x < 84; x++) picture.data.set([x, y, 200], (y * 84 + x) * 3);
    const { grid, pixels } = plain.encode(picture);
    expect(grid).toEqual([1, 4, 6]);
    const corners = Array.from({ length: 24 }, (_, patch) => [
      pixels[patch * 1176]! / 14,
      pixels[patch * 1176 + 392]! / 14,
    ]);
    expect(corners.slice(0, 5)).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
      [2, 0],
    ]);
    expect(corners.slice(11, 13)).toEqual([
      [5, 1],
      [0, 2],
    ]);
    const patch = pixels.subarray(1176, 2352); // the second one, at x 14, y 0
    const at = (channel: number, frame: number, row: number, column: number) =>
      patch[((channel * 2 + frame) * 14 + row) * 14 + column];
    expect([at(0, 0, 3, 5), at(0, 1, 3, 5), at(1, 0, 3, 5), at(1, 1, 3, 5), at(2, 0, 0, 0)]).toEqual([
      19, 19, 3, 3, 200,
    ]);
  });

  test("normalises by mean and deviation", () => {
    const processor = new ImageProcessor({ ...settings, mean: [0.5, 0.25, 0], std: [0.5, 0.25, 1] });
    const white = { ...blank(56, 56), data: new Uint8Array(56 * 56 * 3).fill(255) };
    const { pixels } = processor.encode(white);
    expect([pixels[0], pixels[392], pixels[784]]).toEqual([1, 3, 1]);
  });

  test("a single pixel is enlarged, a ribbon is refused by name", () => {
    expect(plain.encode(blank(1, 1)).grid).toEqual([1, 4, 4]);
    expect(() => plain.encode(blank(20000, 10))).toThrow(
      /^blank\.png: a picture of 20000×10 has sides in a ratio of 2000/,
    );
    expect(plain.tokens({ hash: "", grid: [1, 4, 6], pixels: new Float32Array() })).toBe(6);
  });

  test("equal contents have equal hashes, others not", () => {
    const [a, b] = [plain.encode(blank(60, 60)), plain.encode({ ...blank(60, 60), source: "copy.png" })];
    expect(a.hash).toBe(b.hash);
    const dot = blank(60, 60);
    dot.data[1000] = 1;
    expect(plain.encode(dot).hash).not.toBe(a.hash);
    expect(hashPixels([1, 2, 8], a.pixels)).not.toBe(hashPixels([1, 4, 4], a.pixels));
  });
});

describe("settings", () => {
  test("old and new forms give the same", () => {
    const old = parseImageSettings({ min_pixels: 3136, max_pixels: 50176 }, "old");
    expect(parseImageSettings({ size: { shortest_edge: 3136, longest_edge: 50176 } }, "new")).toEqual(old);
    expect(old).toMatchObject({ minPixels: 3136, maxPixels: 50176, patchSize: 14, mergeSize: 2 });
  });

  test.each([
    [{ do_resize: false }, /file: do_resize/],
    [{ resample: 2 }, /resample: only 3, bicubic/],
    [{ image_processor_type: "CLIPImageProcessor" }, /image_processor_type: expected Qwen2VLImageProcessor/],
    [{ min_pixels: 100, max_pixels: 50 }, /at least 100 pixels and at most 50/],
    [{ image_mean: [0.5] }, /image_mean/],
  ])("%o is refused", (raw, message) => {
    expect(() => parseImageSettings(raw, "file")).toThrow(message);
  });
});

describe("limits of a picture's own", () => {
  const blankOf = (limits: PixelLimits): Picture => ({
    width: 200,
    height: 100,
    data: new Uint8Array(200 * 100 * 3),
    source: "blank",
    limits,
  });

  test("go before the folder's", () => {
    const processor = new ImageProcessor({ ...settings, mean: [0, 0, 0], std: [1, 1, 1] });
    const area = ({ grid }: { readonly grid: readonly number[] }): number => grid[1]! * grid[2]! * 14 ** 2;
    expect(area(processor.encode(blankOf({ maxPixels: 8000 })))).toBeLessThanOrEqual(8000);
    expect(area(processor.encode(blankOf({ minPixels: 90_000 })))).toBeGreaterThanOrEqual(90_000);
    expect(processor.encode(blankOf({ minPixels: null, maxPixels: null })).grid).toEqual(
      processor.encode(blankOf({})).grid,
    );
    expect(() => processor.encode(blankOf({ minPixels: 9000, maxPixels: 8000 }))).toThrow(
      "blank: at least 9000 and at most 8000 pixels cannot both hold",
    );
  });

  test("of pictures in tiles bound the longest edge, whole tiles at least", () => {
    const tiles = new TileProcessor({
      longestEdge: 128,
      tileSize: 32,
      patchSize: 8,
      scaleFactor: 2,
      split: true,
      filter: "lanczos",
      mean: [0, 0, 0],
      std: [1, 1, 1],
      rescaleFactor: 1 / 255,
    });
    expect(tiles.encode(blankOf({})).tiles).toEqual({ rows: 2, columns: 4 });
    expect(tiles.encode(blankOf({ maxPixels: 64 ** 2 })).tiles).toEqual({ rows: 1, columns: 2 });
    expect(tiles.encode(blankOf({ maxPixels: 5 })).grid).toEqual([1, 4, 4]);
    expect(() => tiles.encode(blankOf({ minPixels: 5 }))).toThrow(
      /blank: pictures in tiles all have one longest edge, 128 pixels/,
    );
  });
});
