/** Turns what the vision tower reads back into a picture: the exact input of the model, masks included. */
import type { EncodedPicture, Picture } from "@papo/core";

/** How the processor made its patches; the defaults are those of Qwen2-VL and Qwen2.5-VL processors. */
export interface PatchLayout {
  /** Side of a patch, pixels. */
  readonly patch: number;
  /** Frames in a patch; a still picture is repeated. */
  readonly temporal: number;
  /** Patches are stored in blocks of merge × merge. */
  readonly merge: number;
  /** Per channel: pixel = value · std + mean, in 0–1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** The layout of Qwen2.5-VL's published preprocessor configuration, which normalises with CLIP's numbers. */
export const qwenPatchLayout: PatchLayout = {
  patch: 14,
  temporal: 2,
  merge: 2,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

const channels = 3;

/**
 * The picture behind `encoded`, its first frame, 8-bit RGB.
 * Patches are stored block by block (merge × merge), values of one patch as [channel, temporal, row, column].
 * Throws when the number of values does not fit grid and layout.
 */
export const pictureOfPatches = (encoded: EncodedPicture, layout: PatchLayout = qwenPatchLayout): Picture => {
  const { patch, temporal, merge } = layout;
  const [time, rows, columns] = encoded.grid;
  const valuesPerPatch = channels * temporal * patch * patch;
  if (encoded.pixels.length !== time * rows * columns * valuesPerPatch) {
    throw new Error(
      `A picture of grid ${encoded.grid.join("×")} has ${encoded.pixels.length} values, expected ${time * rows * columns * valuesPerPatch} ` +
        `for patches of ${channels}·${temporal}·${patch}·${patch}: give RunLogPlugin the processor's patch layout`,
    );
  }
  const width = columns * patch;
  const data = new Uint8Array(rows * patch * width * 3);
  for (let index = 0; index < rows * columns; index++) {
    const origin = placeOf(index, columns, merge);
    copyPatch(encoded.pixels, index * valuesPerPatch, data, (origin.row * width + origin.column) * patch, width, layout);
  }
  return { width, height: rows * patch, data, source: `patches ${encoded.hash}` };
};

/** Row and column of the index-th stored patch on the grid. */
const placeOf = (index: number, columns: number, merge: number): { row: number; column: number } => {
  const inBlock = index % (merge * merge);
  const block = Math.floor(index / (merge * merge));
  const blocksPerRow = columns / merge;
  return {
    row: Math.floor(block / blocksPerRow) * merge + Math.floor(inBlock / merge),
    column: (block % blocksPerRow) * merge + (inBlock % merge),
  };
};

/** Copies the first frame of one patch; `to` is a pixel index, `from` a value index. */
const copyPatch = (values: Float32Array, from: number, data: Uint8Array, to: number, width: number, layout: PatchLayout): void => {
  const { patch, temporal, mean, std } = layout;
  for (let channel = 0; channel < channels; channel++) {
    const frame = from + channel * temporal * patch * patch;
    for (let y = 0; y < patch; y++) {
      for (let x = 0; x < patch; x++) {
        const unit = (values[frame + y * patch + x] ?? 0) * (std[channel] ?? 1) + (mean[channel] ?? 0);
        data[(to + y * width + x) * 3 + channel] = Math.min(255, Math.max(0, Math.round(unit * 255)));
      }
    }
  }
};
