/**
 * Putting something else in the place of cells of a picture: squares of the picture as it was given, or patches of the
 * processor.
 */
import { tokensOfPatches } from "@papo/core";
import type { EncodedPicture, PatchLayout, Picture, Random } from "@papo/core";
import sharp from "sharp";

/**
 * What stands in a masked cell: black, the picture's mean colour, noise, or the picture blurred (patches: each patch's
 * own mean colour).
 */
export const fills = ["black", "mean", "noise", "blur"] as const;
export type Fill = (typeof fills)[number];

/** Normalised black and white, per channel, where a picture does not say them itself. */
export interface Range {
  readonly black: readonly number[] | null;
  readonly white: readonly number[] | null;
}

/** What a mask is drawn with. */
export interface Brush {
  readonly fill: Fill;
  /** Standard deviation of "blur", in pixels. */
  readonly sigma: number;
  readonly random: Random;
}

/** Squares of a grid over a picture; those at the right and lower border may be cut. */
export function gridOf(
  { width, height }: Picture,
  square: number,
): { readonly columns: number; readonly cells: number } {
  const columns = Math.ceil(width / square);
  return { columns, cells: columns * Math.ceil(height / square) };
}

/** The picture with the chosen squares replaced. */
export function fillSquares(
  picture: Picture,
  square: number,
  chosen: ArrayLike<number | boolean>,
  brush: Brush,
): Promise<Picture> {
  const { columns } = gridOf(picture, square);
  return fillWhere(
    picture,
    (x, y) => Boolean(chosen[Math.floor(y / square) * columns + Math.floor(x / square)]),
    brush,
  );
}

/** The picture with the chosen cells of a grid of so many rows and columns replaced, whatever its size. */
export function fillCells(
  picture: Picture,
  rows: number,
  columns: number,
  chosen: ArrayLike<number | boolean>,
  brush: Brush,
): Promise<Picture> {
  const { width, height } = picture;
  return fillWhere(
    picture,
    (x, y) => Boolean(chosen[Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width)]),
    brush,
  );
}

async function fillWhere(picture: Picture, masked: (x: number, y: number) => boolean, brush: Brush): Promise<Picture> {
  const { width, height } = picture;
  const other = await replacement(picture, brush);
  const data = picture.data.slice();
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      if (!masked(x, y)) continue;
      for (let channel = at; channel < at + 3; channel++) data[channel] = other[channel]!;
    }
  }
  return { ...picture, data };
}

/** A whole picture of what masked cells show, [height, width, 3]. */
async function replacement({ width, height, data }: Picture, { fill, sigma, random }: Brush): Promise<Uint8Array> {
  if (fill === "black") return new Uint8Array(data.length);
  if (fill === "noise")
    return Uint8Array.from({ length: data.length }, (_, index) => Math.floor(random.uniform(index) * 256));
  if (fill === "blur")
    return new Uint8Array(
      await sharp(data, { raw: { width, height, channels: 3 } })
        .blur(sigma)
        .raw()
        .toBuffer(),
    );
  const mean = [0, 1, 2].map((channel) => Math.round(meanOf(data, channel, 3)));
  return Uint8Array.from({ length: data.length }, (_, index) => mean[index % 3]!);
}

function meanOf(data: ArrayLike<number>, first: number, stride: number): number {
  let sum = 0;
  for (let index = first; index < data.length; index += stride) sum += data[index]!;
  return sum / (data.length / stride);
}

/** What each cell of a mask covers of a picture's patches. */
export interface PatchCells {
  readonly count: number;
  /** The cell of a whole patch, or of each of its pixels, [side · side], where it shows several cells. */
  readonly of: (patch: number) => number | Int32Array;
}

/** A cell for each visual token; those of an overview are cells of their own. */
export function tokenCells(picture: EncodedPicture, mergeUnit: number | null = null): PatchCells {
  const unit = mergeUnit ?? (picture.layout === undefined ? 4 : null);
  const patches = picture.grid.reduce((product, size) => product * size, 1);
  if (unit !== null) return { count: Math.ceil(patches / unit), of: (patch) => Math.floor(patch / unit) };
  const tokens = tokensOfPatches(picture.grid, picture.layout!);
  return { count: patches / picture.layout!.merge ** 2, of: (patch) => tokens[patch]! };
}

/**
 * A cell for each patch, or visual token, of the picture itself. An overview shows what the tiles show: its pixels
 * belong to the cells of the places that they show, so that nothing masked in a tile is seen in it.
 */
export function pictureCells(
  picture: EncodedPicture,
  on: "patches" | "merge",
  mergeUnit: number | null = null,
): PatchCells {
  const cells: PatchCells =
    on === "merge"
      ? tokenCells(picture, mergeUnit)
      : { count: picture.grid.reduce((product, size) => product * size, 1), of: (patch) => patch };
  const {
    tiles,
    layout,
    grid: [count, height, width],
  } = picture;
  if (tiles === undefined || layout === undefined) return cells;
  const perTile = height * width;
  const first = (count - 1) * perTile;
  return {
    count: (cells.count / count) * (count - 1),
    of: (patch) => (patch < first ? cells.of(patch) : shownCells(patch - first, picture, tiles, layout, cells)),
  };
}

/** The cells that the pixels of an overview's patch show. */
function shownCells(
  patch: number,
  { grid: [, height, width] }: EncodedPicture,
  tiles: NonNullable<EncodedPicture["tiles"]>,
  { patch: side }: PatchLayout,
  cells: PatchCells,
): Int32Array {
  const [top, left] = [Math.floor(patch / width) * side, (patch % width) * side];
  return Int32Array.from({ length: side ** 2 }, (_, pixel) => {
    const row = Math.floor(((top + Math.floor(pixel / side) + 0.5) * tiles.rows) / side);
    const column = Math.floor(((left + (pixel % side) + 0.5) * tiles.columns) / side);
    const tile = Math.floor(row / height) * tiles.columns + Math.floor(column / width);
    return cells.of(tile * height * width + (row % height) * width + (column % width)) as number;
  });
}

/** The picture with the chosen cells of its patches replaced. */
export function fillPatches(
  picture: EncodedPicture,
  cells: PatchCells,
  chosen: ArrayLike<number | boolean>,
  { fill, random }: Brush,
  range: Range,
): EncodedPicture {
  const patches = picture.grid.reduce((product, length) => product * length, 1);
  const size = picture.pixels.length / patches; // channels · temporal · patch · patch
  const [black, white] = [range.black ?? levelOf(picture, 0), range.white ?? levelOf(picture, 1)];
  const part = size / black.length; // numbers of one channel in a patch
  const means =
    fill === "mean" ? black.map((_, channel) => channelMean(picture.pixels, channel, part, black.length)) : [];
  const pixels = picture.pixels.slice();
  for (let patch = 0; patch < patches; patch++) {
    const shown = cells.of(patch);
    if (typeof shown === "number" && !chosen[shown]) continue;
    for (let channel = 0; channel < black.length; channel++) {
      const start = patch * size + channel * part;
      const own = pixels.subarray(start, start + part);
      const [dark, light] = [black[channel]!, white[channel]!];
      const blurred = fill === "blur" ? own.reduce((sum, value) => sum + value, 0) / part : 0;
      for (let index = 0; index < part; index++) {
        if (typeof shown !== "number" && !chosen[shown[index % shown.length]!]) continue;
        if (fill === "black") own[index] = dark;
        else if (fill === "mean") own[index] = means[channel]!;
        else if (fill === "blur") own[index] = blurred;
        else own[index] = dark + (light - dark) * random.uniform(start + index);
      }
    }
  }
  return { ...picture, pixels };
}

/**
 * The normalised value of a grey level in 0 … 1, per channel: (level − mean) / std; with the numbers of Qwen2.5-VL
 * where the picture names none.
 */
function levelOf({ layout }: EncodedPicture, level: number): number[] {
  const { mean, std } = layout ?? {
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  };
  return mean.map((value, channel) => (level - value) / std[channel]!);
}

/** Mean of one channel over all patches. */
function channelMean(pixels: Float32Array, channel: number, part: number, channels: number): number {
  let [sum, count] = [0, 0];
  for (let start = channel * part; start < pixels.length; start += part * channels) {
    for (let index = start; index < start + part; index++) sum += pixels[index]!;
    count += part;
  }
  return sum / count;
}
