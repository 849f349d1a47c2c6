import { describe, expect, test } from "vitest";
import { resize } from "../../../../core/model/processing/resize.ts";
import type { Picture } from "../../../../core/model/processing/picture.ts";

function pictureOf(width: number, height: number, level: (x: number, y: number, channel: number) => number): Picture {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    level(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3),
  );
  return { width, height, data, source: "test" };
}

describe("resize", () => {
  test("keeps a picture of the wanted size", () => {
    const picture = pictureOf(5, 4, (x, y, channel) => x * 40 + y * 10 + channel);
    expect(resize(picture, 5, 4)).toEqual(picture);
  });

  test.each([
    [1, 1, 56, 56],
    [10, 7, 3, 2],
    [3, 2, 10, 7],
    [300, 4, 28, 56],
  ])("a flat %d×%d picture stays flat at %d×%d", (w, h, width, height) => {
    const resized = resize(
      pictureOf(w, h, (_x, _y, channel) => [0, 119, 255][channel]!),
      width,
      height,
    );
    expect(resized).toEqual(pictureOf(width, height, (_x, _y, channel) => [0, 119, 255][channel]!));
  });

  test("shrinking to one pixel is the mean under the widened kernel", () => {
    const resized = resize(
      pictureOf(2, 1, (x) => x * 200),
      1,
      1,
    );
    expect([...resized.data]).toEqual([100, 100, 100]);
  });

  test("enlarging by two gives the cubic's own weights, clamped to 8 bits", () => {
    // At a quarter pixel the kernel (a = -0.5) weighs the four neighbours -9, 111, 29 and -3 of 128.
    const resized = resize(
      pictureOf(8, 1, (x) => (x < 4 ? 0 : 255)),
      16,
      1,
    );
    const row = [...resized.data].filter((_, i) => i % 3 === 0);
    expect(row.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    expect(row[7]).toBe(Math.round(((29 - 3) * 255) / 128));
    expect(row[6]).toBe(0); // -9/128 of 255, clamped
    expect(row.slice(8)).toEqual(
      row
        .slice(0, 8)
        .reverse()
        .map((level) => 255 - level),
    );
  });

  test("the axes are independent", () => {
    const picture = pictureOf(20, 30, (x, y, channel) => (x * 11 + y * 7 + channel * 31) % 256);
    const both = resize(picture, 9, 47);
    expect(both.data).toEqual(resize(resize(picture, 9, 30), 9, 47).data);
    const transpose = (p: Picture) =>
      pictureOf(p.height, p.width, (x, y, channel) => p.data[(x * p.width + y) * 3 + channel]!);
    expect(resize(transpose(picture), 20, 20).width).toBe(20);
    expect(transpose(resize(transpose(picture), 30, 9)).data).toEqual(resize(picture, 9, 30).data);
  });
});
