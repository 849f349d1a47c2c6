import { describe, expect, it } from "vitest";
import { pictureOfPatches, qwenPatchLayout } from "../../../plugins/observe/picture-of-patches.ts";

/**
 * Patches as the processor stores them, straight from its definition: [block row, block column, row, column][channel,
 * frame, y, x].
 */
const encode = (
  width: number,
  height: number,
  pixel: (x: number, y: number, channel: number) => number,
): Float32Array => {
  const values: number[] = [];
  for (let blockRow = 0; blockRow < height / 28; blockRow++)
    for (let blockColumn = 0; blockColumn < width / 28; blockColumn++) {
      for (const [row, column] of [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ] as const) {
        for (let channel = 0; channel < 3; channel++)
          for (let frame = 0; frame < 2; frame++)
            for (let y = 0; y < 14; y++)
              for (let x = 0; x < 14; x++) {
                const unit = pixel(blockColumn * 28 + column * 14 + x, blockRow * 28 + row * 14 + y, channel) / 255;
                values.push((unit - (qwenPatchLayout.mean[channel] ?? 0)) / (qwenPatchLayout.std[channel] ?? 1));
              }
      }
    }
  return Float32Array.from(values);
};

const pattern = (x: number, y: number, channel: number): number => (x * 3 + y * 5 + channel * 80) % 256;

describe("pictureOfPatches", () => {
  it("gives back every pixel of a picture that is wider than high", () => {
    const picture = pictureOfPatches({ hash: "a", grid: [1, 4, 6], pixels: encode(84, 56, pattern) });
    expect([picture.width, picture.height]).toEqual([84, 56]);
    const expected = Uint8Array.from({ length: 84 * 56 * 3 }, (_, at) =>
      pattern(Math.floor(at / 3) % 84, Math.floor(at / 3 / 84), at % 3),
    );
    expect(picture.data).toEqual(expected);
  });

  it("clips values that no 8-bit picture has", () => {
    const pixels = encode(28, 28, (_x, _y, channel) => (channel === 0 ? -40 : 300));
    expect([...pictureOfPatches({ hash: "b", grid: [1, 2, 2], pixels }).data.slice(0, 3)]).toEqual([0, 255, 255]);
  });

  it("says what does not fit", () => {
    expect(() => pictureOfPatches({ hash: "c", grid: [1, 2, 2], pixels: new Float32Array(100) })).toThrow(
      "has 100 values, expected 4704",
    );
  });
});
