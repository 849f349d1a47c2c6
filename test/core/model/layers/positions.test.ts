import { describe, expect, test } from "vitest";
import type { EncodedPicture } from "../../../../core/model/processing/picture.ts";
import { gridPositions } from "../../../../core/model/layers/positions.ts";

const image = 9;
const picture = (rows: number, columns: number): EncodedPicture => ({
  hash: `${rows}x${columns}`,
  grid: [1, 2 * rows, 2 * columns],
  pixels: new Float32Array(),
});
const positionsOf = (ids: readonly number[], pictures: readonly EncodedPicture[]) => {
  const { components, next } = gridPositions({ ids: Int32Array.from(ids), pictures }, image, 2);
  return {
    time: [...components.subarray(0, ids.length)],
    height: [...components.subarray(ids.length, 2 * ids.length)],
    width: [...components.subarray(2 * ids.length)],
    next,
  };
};

describe("rotary positions", () => {
  test("of text count up in all components", () => {
    expect(positionsOf([1, 2, 3], [])).toEqual({ time: [0, 1, 2], height: [0, 1, 2], width: [0, 1, 2], next: 3 });
  });

  test("of pictures spread over rows and columns, and text goes on from the largest", () => {
    const ids = [1, image, image, image, image, image, image, 2, image, 3];
    expect(positionsOf(ids, [picture(2, 3), picture(1, 1)])).toEqual({
      time: [0, 1, 1, 1, 1, 1, 1, 4, 5, 6],
      height: [0, 1, 1, 1, 2, 2, 2, 4, 5, 6],
      width: [0, 1, 2, 3, 1, 2, 3, 4, 5, 6],
      next: 7,
    });
  });

  test("of neighbouring pictures do not run into each other", () => {
    expect(positionsOf([image, image, image], [picture(1, 2), picture(1, 1)])).toEqual({
      time: [0, 0, 2],
      height: [0, 0, 2],
      width: [0, 1, 2],
      next: 3,
    });
  });

  test("need as many visual tokens as the pictures have", () => {
    expect(() => positionsOf([1, image, 2], [picture(1, 2)])).toThrow(
      "picture 1 needs 2 visual tokens, the prompt has 1 for it",
    );
    expect(() => positionsOf([1, image], [])).toThrow("more than its 0 pictures");
    expect(() => positionsOf([1, image], [picture(1, 1), picture(1, 1)])).toThrow("2 pictures and visual tokens for 1");
  });
});
