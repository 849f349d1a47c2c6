/** Putting something else in the place of cells of a picture: squares of the picture as it was given, or patches of the processor. */
import type { EncodedPicture, Picture, Random } from "@papo/core";
import sharp from "sharp";

/** What stands in a masked cell: black, the picture's mean colour, noise, or the picture blurred (patches: each patch's own mean colour). */
export const fills = ["black", "mean", "noise", "blur"] as const;
export type Fill = (typeof fills)[number];

/** Normalised black and white of the image processor, per channel: −mean / std and (1 − mean) / std. */
export interface Range {
  readonly black: readonly number[];
  readonly white: readonly number[];
}

/** What a mask is drawn with. */
export interface Brush {
  readonly fill: Fill;
  /** Standard deviation of "blur", in pixels. */
  readonly sigma: number;
  readonly random: Random;
}

/** Squares of a grid over a picture; those at the right and lower border may be cut. */
export function gridOf({ width, height }: Picture, square: number): { readonly columns: number; readonly cells: number } {
  const columns = Math.ceil(width / square);
  return { columns, cells: columns * Math.ceil(height / square) };
}

/** The picture with the chosen squares replaced. */
export function fillSquares(picture: Picture, square: number, chosen: ArrayLike<number | boolean>, brush: Brush): Promise<Picture> {
  const { columns } = gridOf(picture, square);
  return fillWhere(picture, (x, y) => Boolean(chosen[Math.floor(y / square) * columns + Math.floor(x / square)]), brush);
}

/** The picture with the chosen cells of a grid of so many rows and columns replaced, whatever its size. */
export function fillCells(picture: Picture, rows: number, columns: number, chosen: ArrayLike<number | boolean>, brush: Brush): Promise<Picture> {
  const { width, height } = picture;
  return fillWhere(picture, (x, y) => Boolean(chosen[Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width)]), brush);
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
  if (fill === "noise") return Uint8Array.from({ length: data.length }, (_, index) => Math.floor(random.uniform(index) * 256));
  if (fill === "blur") return new Uint8Array(await sharp(data, { raw: { width, height, channels: 3 } }).blur(sigma).raw().toBuffer());
  const mean = [0, 1, 2].map((channel) => Math.round(meanOf(data, channel, 3)));
  return Uint8Array.from({ length: data.length }, (_, index) => mean[index % 3]!);
}

function meanOf(data: ArrayLike<number>, first: number, stride: number): number {
  let sum = 0;
  for (let index = first; index < data.length; index += stride) sum += data[index]!;
  return sum / (data.length / stride);
}

/** The picture with the chosen runs of `unit` patches replaced. */
export function fillPatches(picture: EncodedPicture, unit: number, chosen: ArrayLike<number | boolean>, { fill, random }: Brush, { black, white }: Range): EncodedPicture {
  const [time, height, width] = picture.grid;
  const patches = time * height * width;
  const size = picture.pixels.length / patches; // channels · temporal · patch · patch
  const part = size / black.length; // numbers of one channel in a patch
  const means = fill === "mean" ? black.map((_, channel) => channelMean(picture.pixels, channel, part, black.length)) : [];
  const pixels = picture.pixels.slice();
  for (let patch = 0; patch < patches; patch++) {
    if (!chosen[Math.floor(patch / unit)]) continue;
    for (let channel = 0; channel < black.length; channel++) {
      const start = patch * size + channel * part;
      const own = pixels.subarray(start, start + part);
      const [dark, light] = [black[channel]!, white[channel]!];
      if (fill === "black") own.fill(dark);
      else if (fill === "mean") own.fill(means[channel]!);
      else if (fill === "blur") own.fill(own.reduce((sum, value) => sum + value, 0) / part);
      else own.forEach((_, index) => (own[index] = dark + (light - dark) * random.uniform(start + index)));
    }
  }
  return { ...picture, pixels };
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
