import { describe, expect, test } from "vitest";
import type { EncodedPicture } from "../../../../core/model/processing/picture.ts";
import { patchOrder } from "../../../../core/model/layers/patch-order.ts";

const picture = (rows: number, columns: number): EncodedPicture => ({
  hash: `${rows}x${columns}`,
  grid: [1, 2 * rows, 2 * columns],
  pixels: new Float32Array(),
});

describe("the order of patches", () => {
  test("goes window by window, smaller ones at the right and bottom edge", () => {
    const { windows, pictures, patchSource } = patchOrder([picture(3, 5)], 2, 2);
    expect(windows).toEqual([16, 16, 8, 8, 8, 4]);
    expect(pictures).toEqual([60]);
    // The second window starts at merged cell (0, 2): patch 8 of the processor's order, at row 0, column 4.
    expect(patchSource[16]).toEqual({ picture: 0, patch: 8, row: 0, column: 4 });
    // Its third cell is (1, 2).
    expect(patchSource[24]).toEqual({ picture: 0, patch: 28, row: 2, column: 4 });
  });

  test("visits every patch once, with its place in the picture", () => {
    const { patchSource } = patchOrder([picture(3, 5), picture(1, 1)], 2, 2);
    expect(new Set(patchSource.map(({ picture: index, patch }) => `${index}.${patch}`)).size).toBe(64);
    for (const { patch, row, column, picture: index } of patchSource) {
      const cell = Math.floor(patch / 4);
      const columns = index === 0 ? 5 : 1;
      expect([Math.floor(row / 2), Math.floor(column / 2)]).toEqual([Math.floor(cell / columns), cell % columns]);
    }
  });

  test("without windows is the processor's own", () => {
    const { windows, pictures, patchSource, tokenRow } = patchOrder([picture(3, 5), picture(1, 1)], 2);
    expect([windows, pictures]).toEqual([
      [60, 4],
      [60, 4],
    ]);
    expect(patchSource.map(({ patch }) => patch)).toEqual([...Array(60).keys(), ...Array(4).keys()]);
    expect([...tokenRow]).toEqual([...Array(16).keys()]);
  });

  test("is undone by the row of each visual token", () => {
    const { tokenRow, patchSource } = patchOrder([picture(3, 5), picture(2, 2)], 2, 2);
    const tokens = Array.from(tokenRow, (row) => patchSource[4 * row]);
    expect(tokens.map((source) => `${source?.picture}.${(source?.patch ?? 0) / 4}`)).toEqual([
      ...Array.from({ length: 15 }, (_, i) => `0.${i}`),
      ...Array.from({ length: 4 }, (_, i) => `1.${i}`),
    ]);
  });
});
