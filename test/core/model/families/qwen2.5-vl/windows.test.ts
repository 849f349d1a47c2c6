import { describe, expect, test } from "vitest";
import type { VisionConfig } from "../../../../../core/model/files/config.ts";
import type { EncodedPicture } from "../../../../../core/model/processing/picture.ts";
import { layoutOf } from "../../../../../core/model/families/qwen2.5-vl/windows.ts";

/** Windows of 2 × 2 merged cells. */
const config = { patchSize: 14, mergeSize: 2, windowSize: 56 } as VisionConfig;
const picture = (rows: number, columns: number): EncodedPicture => ({ hash: `${rows}x${columns}`, grid: [1, 2 * rows, 2 * columns], pixels: new Float32Array() });

describe("the order of patches", () => {
  test("goes window by window, smaller ones at the right and bottom edge", () => {
    const { windows, pictures, patchSource } = layoutOf([picture(3, 5)], config);
    expect(windows).toEqual([16, 16, 8, 8, 8, 4]);
    expect(pictures).toEqual([60]);
    // The second window starts at merged cell (0, 2): patch 8 of the processor's order, at row 0, column 4.
    expect(patchSource[16]).toEqual({ picture: 0, patch: 8, row: 0, column: 4 });
    // Its third cell is (1, 2).
    expect(patchSource[24]).toEqual({ picture: 0, patch: 28, row: 2, column: 4 });
  });

  test("visits every patch once, with its place in the picture", () => {
    const { patchSource } = layoutOf([picture(3, 5), picture(1, 1)], config);
    expect(new Set(patchSource.map(({ picture: index, patch }) => `${index}.${patch}`)).size).toBe(64);
    for (const { patch, row, column, picture: index } of patchSource) {
      const cell = Math.floor(patch / 4);
      const columns = index === 0 ? 5 : 1;
      expect([Math.floor(row / 2), Math.floor(column / 2)]).toEqual([Math.floor(cell / columns), cell % columns]);
    }
  });

  test("is undone by the row of each visual token", () => {
    const { tokenRow, patchSource } = layoutOf([picture(3, 5), picture(2, 2)], config);
    const tokens = Array.from(tokenRow, (row) => patchSource[4 * row]);
    expect(tokens.map((source) => `${source?.picture}.${(source?.patch ?? 0) / 4}`)).toEqual([...Array.from({ length: 15 }, (_, i) => `0.${i}`), ...Array.from({ length: 4 }, (_, i) => `1.${i}`)]);
  });
});
