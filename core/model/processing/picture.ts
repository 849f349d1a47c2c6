/** A picture in memory, and after the processor. */
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import type { PatchLayout } from "./patches.ts";

/** 8-bit RGB, row-major, [height, width, 3]. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** Where it came from, for messages. */
  readonly source: string;
}

/** What the vision tower reads. */
export interface EncodedPicture {
  /** Content hash of `pixels` and grid: equal pictures are encoded and kept once. */
  readonly hash: string;
  /** Patches in time, height and width (the latter two before merging); of a picture in tiles [tiles, rows, columns]. */
  readonly grid: readonly [time: number, height: number, width: number];
  /** How the tiles of `time` lie in the picture, row by row, an overview of the whole after them; absent where it is not cut into tiles. */
  readonly tiles?: { readonly rows: number; readonly columns: number };
  /** How `pixels` lie; absent where nobody said. */
  readonly layout?: PatchLayout;
  /** Normalised pixels, [time·height·width, channels·temporal·patch·patch], in the processor's patch order. */
  readonly pixels: Float32Array;
}

/**
 * Read a JPEG, PNG, WebP, GIF, TIFF, AVIF or SVG picture: turned upright by its EXIF orientation, transparency composited on white, grey,
 * palette, 16-bit and CMYK brought to 8-bit RGB. Embedded colour profiles are ignored, as in Pillow.
 * @param input a path, or the bytes of a file; `source` names the bytes in messages.
 * @throws Error naming the picture when it is missing, truncated, corrupt, or no picture.
 */
export async function loadPicture(input: string | Uint8Array, source?: string): Promise<Picture> {
  const name = source ?? (typeof input === "string" ? input : `picture of ${input.length} bytes`);
  try {
    const bytes = typeof input === "string" ? await readPictureFile(input) : input;
    return { ...(await decode(bytes)), source: name };
  } catch (cause) {
    throw new Error(`cannot read the picture ${name}: ${(cause as Error).message}`, { cause });
  }
}

async function readPictureFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === "EISDIR" ? "it is a folder" : message, { cause: error });
  }
}

async function decode(bytes: Uint8Array): Promise<Omit<Picture, "source">> {
  if (bytes.length === 0) throw new Error("it is empty");
  const { space } = await sharp(bytes).metadata();
  const upright = sharp(bytes, { failOn: "warning", ignoreIcc: true }).autoOrient();
  const pixels = space === "cmyk" ? upright.pipelineColourspace("cmyk").toColourspace("cmyk") : upright.toColourspace("srgb").ensureAlpha();
  const { data, info } = await pixels.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const rgb = space === "cmyk" ? inksToRgb(data, width * height, channels) : compositeOnWhite(data, width * height, channels);
  return { width, height, data: rgb };
}

/** From grey or RGB with alpha, [pixels, 2 or 4], to RGB, [pixels, 3]: colour·α + 255·(1 − α), rounded. */
function compositeOnWhite(data: Uint8Array, pixels: number, channels: number): Uint8Array {
  const colours = channels - 1;
  const out = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = pixel * channels;
    const alpha = data[from + colours]!;
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
    for (let ink = 0; ink < 3; ink++) out[pixel * 3 + ink] = light - Math.round((data[pixel * channels + ink]! * light) / 255);
  }
  return out;
}
