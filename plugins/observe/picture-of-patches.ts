/** Turns what the vision tower reads back into a picture: the exact input of the model, masks included. */
import type { EncodedPicture, PatchLayout, Picture } from "@papo/core";

/**
 * The layout of Qwen2.5-VL's published preprocessor configuration, which normalises with CLIP's numbers: of pictures
 * that say nothing of theirs.
 */
export const qwenPatchLayout: PatchLayout = {
  patch: 14,
  temporal: 2,
  merge: 2,
  order: "tokens",
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

const channels = 3;

/**
 * The picture behind `encoded`, its first frame, 8-bit RGB; of a picture in tiles the tiles side by side, without the
 * overview.
 * @param layout of the picture's numbers; null: as it says itself
 * Throws when the number of values does not fit grid and layout.
 */
export const pictureOfPatches = (encoded: EncodedPicture, asked: PatchLayout | null = null): Picture => {
  const layout = asked ?? encoded.layout ?? qwenPatchLayout;
  const { patch, temporal } = layout;
  const [time, gridRows, gridColumns] = encoded.grid;
  const valuesPerPatch = channels * temporal * patch * patch;
  const patches = time * gridRows * gridColumns;
  if (encoded.pixels.length !== patches * valuesPerPatch) {
    throw new Error(
      `A picture of grid ${encoded.grid.join("×")} has ${encoded.pixels.length} values, expected ${patches * valuesPerPatch} ` +
        `for patches of ${channels}·${temporal}·${patch}·${patch}: give RunLogPlugin the processor's patch layout`,
    );
  }
  const tiles = encoded.tiles ?? { rows: 1, columns: 1 };
  const width = tiles.columns * gridColumns * patch;
  const height = tiles.rows * gridRows * patch;
  const data = new Uint8Array(height * width * 3);
  for (let index = 0; index < tiles.rows * tiles.columns * gridRows * gridColumns; index++) {
    const tile = Math.floor(index / (gridRows * gridColumns));
    const place = placeOf(index % (gridRows * gridColumns), gridColumns, layout);
    const row = Math.floor(tile / tiles.columns) * gridRows + place.row;
    const column = (tile % tiles.columns) * gridColumns + place.column;
    copyPatch(encoded.pixels, index * valuesPerPatch, data, (row * width + column) * patch, width, layout);
  }
  return { width, height, data, source: `patches ${encoded.hash}` };
};

/** Row and column of the index-th stored patch on the grid. */
const placeOf = (index: number, columns: number, { merge, order }: PatchLayout): { row: number; column: number } => {
  if (order === "rows") return { row: Math.floor(index / columns), column: index % columns };
  const inBlock = index % (merge * merge);
  const block = Math.floor(index / (merge * merge));
  const blocksPerRow = columns / merge;
  return {
    row: Math.floor(block / blocksPerRow) * merge + Math.floor(inBlock / merge),
    column: (block % blocksPerRow) * merge + (inBlock % merge),
  };
};

/** Copies the first frame of one patch; `to` is a pixel index, `from` a value index. */
const copyPatch = (
  values: Float32Array,
  from: number,
  data: Uint8Array,
  to: number,
  width: number,
  layout: PatchLayout,
): void => {
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
