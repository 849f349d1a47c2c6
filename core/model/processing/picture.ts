/** A picture in memory, and after the processor. */
import { stat } from "node:fs/promises";
import sharp, { type Metadata, type Sharp } from "sharp";
import { avifProblem } from "./avif.ts";
import type { PatchLayout } from "./patches.ts";
import { PixelBudget } from "./pixel-budget.ts";
import { readRegularFile } from "../../machine/regular-file.ts";
import { causeOf, quoted } from "../../messages/shown.ts";

/** A picture as it was read, upright, before it is resized. */
export interface Picture {
  /** @unit pixels */
  readonly width: number;
  /** @unit pixels */
  readonly height: number;
  /** RGB, row-major, [height, width, 3]. @unit 0 to 255 */
  readonly data: Uint8Array;
  /** Where it came from, for messages. */
  readonly source: string;
  /** What it is resized to, where that is not for the model's folder to say. */
  readonly limits?: PixelLimits;
}

/** Least and most pixels of a picture after resizing; null: as the model's folder says. */
export interface PixelLimits {
  readonly minPixels?: number | null;
  readonly maxPixels?: number | null;
}

/** How pictures are read where there is more than one way. */
export interface ReadingOptions {
  /** 16-bit grey: "scale" to 8 bits, or "clip" at 255 as Pillow does, so that 32768 is white. Default "scale". */
  readonly sixteenBit?: "scale" | "clip";
  /**
   * Transparency: composited on "white", as transformers does with an opened picture; or "drop", the colour under it
   * stays, as it does by path. Default "white".
   */
  readonly transparency?: "white" | "drop";
  /** Pixels of a picture as its file has it, before any resizing: one with more is refused. Default 64 million. */
  readonly maxFilePixels?: number;
}

/** What the vision tower reads. */
export interface EncodedPicture {
  /** Content hash of `pixels` and grid: equal pictures are encoded and kept once. */
  readonly hash: string;
  /**
   * Patches in time, height and width (the latter two before merging); of a picture in tiles [tiles, rows, columns].
   * @unit patches
   */
  readonly grid: readonly [time: number, height: number, width: number];
  /**
   * How the tiles of `time` lie in the picture, row by row, an overview of the whole after them; absent where it is not
   * cut into tiles.
   */
  readonly tiles?: { readonly rows: number; readonly columns: number };
  /** How `pixels` lie; absent where nobody said. */
  readonly layout?: PatchLayout;
  /**
   * Normalised pixels, [time·height·width, channels·temporal·patch·patch], in the processor's patch order.
   * @unit standard deviations from the processor's mean colour
   */
  readonly pixels: Float32Array;
}

export interface PictureOptions extends PixelLimits, ReadingOptions {}

/**
 * Read a JPEG, PNG, WebP, GIF, TIFF, SVG or AVIF (4:4:4 or grey, full range) picture: turned upright by its EXIF
 * orientation, transparency composited on white, grey, palette, 16-bit and CMYK brought to 8-bit RGB (`options` name
 * the other ways). Embedded colour profiles are ignored, as in Pillow.
 * @param input a path, or the bytes of a file; `source` names the bytes in messages.
 * @throws Error naming the picture when it is missing, truncated, corrupt, or no picture.
 */
export async function loadPicture(
  input: string | Uint8Array,
  source?: string,
  options: ReadingOptions = {},
): Promise<Picture> {
  const name = source ?? (typeof input === "string" ? input : `picture of ${input.length} bytes`);
  try {
    const read = async (bytes: Uint8Array): Promise<Picture> => ({ ...(await decode(bytes, options)), source: name });
    return typeof input === "string"
      ? await reading.with(await sizeOf(input), async () => read(await readPictureFile(input, options)))
      : await read(input);
  } catch (cause) {
    throw new Error(`cannot read the picture ${quoted(name, 400)}: ${causeOf(cause, "it is damaged")}`, { cause });
  }
}

const usualMaxFilePixels = 64_000_000;

/**
 * Decoding takes about 11 bytes a pixel for a moment. Pictures are decoded whole, also where the processor shrinks
 * them: decoders that shrink while they read average otherwise than the filter of transformers, so that the patches
 * would be others.
 */
const decoding = new PixelBudget(usualMaxFilePixels);

/**
 * Bytes of a picture's file for each pixel that it may have: what 16-bit colours with transparency take as they are.
 */
const bytesPerPixel = 8;

/** Files of pictures that are held while they are decoded. */
const reading = new PixelBudget(usualMaxFilePixels * bytesPerPixel);

const sizeOf = async (path: string): Promise<number> => (await stat(path)).size;

/**
 * The bytes of a picture that stands in a file.
 * @throws Error saying what is there where it is no file, or that it is too large to be a picture of so many pixels
 */
export const readPictureFile = (
  path: string,
  { maxFilePixels = usualMaxFilePixels }: ReadingOptions = {},
): Promise<Buffer> => readRegularFile(path, maxFilePixels * bytesPerPixel);

async function decode(bytes: Uint8Array, options: ReadingOptions): Promise<Omit<Picture, "source">> {
  if (bytes.length === 0) throw new Error("it is empty");
  refuseFormat(bytes);
  const { maxFilePixels = usualMaxFilePixels } = options;
  return withinBudget(bytes, (metadata) => decodePixels(bytes, metadata, { ...options, maxFilePixels }), maxFilePixels);
}

/**
 * Work that decodes a picture file, of which no more pixels than the budget has are decoded at one time, whoever
 * decodes them.
 * @param maxFilePixels a picture with more is refused
 */
export async function withinBudget<T>(
  bytes: Uint8Array,
  work: (metadata: Metadata) => Promise<T>,
  maxFilePixels = usualMaxFilePixels,
): Promise<T> {
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  const pixels = metadata.width * metadata.height;
  if (pixels > maxFilePixels) {
    throw new Error(
      `it has ${metadata.width}×${metadata.height} pixels, more than the ${maxFilePixels} of the pixel limit: make it smaller (the setting pictures.maxFilePixels allows more)`,
    );
  }
  return decoding.with(pixels, () => work(metadata));
}

async function decodePixels(
  bytes: Uint8Array,
  { space, channels: stored }: Metadata,
  options: ReadingOptions,
): Promise<Omit<Picture, "source">> {
  const { sixteenBit = "scale", transparency = "white", maxFilePixels = usualMaxFilePixels } = options;
  const upright = sharp(bytes, { failOn: "warning", ignoreIcc: true, limitInputPixels: maxFilePixels }).autoOrient();
  if (sixteenBit === "clip" && space === "grey16" && stored === 1) return clipped(upright);
  const pixels =
    space === "cmyk"
      ? upright.pipelineColourspace("cmyk").toColourspace("cmyk")
      : upright.toColourspace("srgb").ensureAlpha();
  const { data, info } = await pixels.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const rgb =
    space === "cmyk"
      ? inksToRgb(data, width * height, channels)
      : withoutAlpha(data, width * height, channels, transparency);
  return { width, height, data: rgb };
}

/** 16-bit grey with everything above 255 white. */
async function clipped(upright: Sharp): Promise<Omit<Picture, "source">> {
  const {
    data,
    info: { width, height },
  } = await upright.toColourspace("grey16").raw({ depth: "ushort" }).toBuffer({ resolveWithObject: true });
  const grey = new Uint16Array(data.buffer, data.byteOffset, width * height);
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.min(255, grey[Math.floor(i / 3)]!)),
  };
}

/** Formats that sharp's prebuilt libraries do not read, by how their files begin. */
const unreadFormats: readonly (readonly [name: string, begins: RegExp])[] = [
  ["BMP", /^BM/],
  ["PNM (PBM, PGM, PPM)", /^P[1-7]\s/],
  ["JPEG 2000", /^(\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/],
  ["JPEG XL", /^(\xff\x0a|\0\0\0\x0cJXL )/],
  ["OpenEXR", /^v\/1\x01/],
  ["Photoshop", /^8BPS/],
  ["TGA", /^[^]{1}[\0\x01][\x01-\x03\x09-\x0b][^]{13}[\x08\x0f\x10\x18\x20][^]{1}/],
];

/** @throws Error naming the format of a picture that cannot be read */
function refuseFormat(bytes: Uint8Array): void {
  const start = Buffer.from(bytes.subarray(0, 18)).toString("latin1");
  const found = unreadFormats.find(([, begins]) => begins.test(start));
  if (found !== undefined)
    throw new Error(
      `it is a ${found[0]} picture, and that format is not read: convert it to PNG, JPEG, WebP, GIF or TIFF`,
    );
  const problem = avifProblem(bytes);
  if (problem !== null) throw new Error(problem);
}

/**
 * From grey or RGB with alpha, [pixels, 2 or 4], to RGB, [pixels, 3]: colour·α + 255·(1 − α), rounded; or the colour
 * alone.
 */
function withoutAlpha(data: Uint8Array, pixels: number, channels: number, transparency: "white" | "drop"): Uint8Array {
  const colours = channels - 1;
  const out = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = pixel * channels;
    const alpha = transparency === "drop" ? 255 : data[from + colours]!;
    for (let channel = 0; channel < 3; channel++) {
      const colour = data[from + (colours === 3 ? channel : 0)]!;
      out[pixel * 3 + channel] = alpha === 255 ? colour : Math.round((colour * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return out;
}

/** From cyan, magenta, yellow and black, [pixels, 4], to RGB, [pixels, 3]: the simple product, as in Pillow. */
function inksToRgb(data: Uint8Array, pixels: number, channels: number): Uint8Array {
  const out = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const light = 255 - data[pixel * channels + 3]!;
    for (let ink = 0; ink < 3; ink++)
      out[pixel * 3 + ink] = light - Math.round((data[pixel * channels + ink]! * light) / 255);
  }
  return out;
}
