/** Pictures of a run as files, each as the model saw it and only once. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import type { EncodedPicture, PatchLayout } from "@papo/core";
import { pictureOfPatches } from "./picture-of-patches.ts";

/**
 * "pictures/<hash>.png", relative to the run's folder. Hashed again, because a content hash may hold characters that a
 * file name must not.
 */
export const pictureFile = ({ hash }: EncodedPicture): string =>
  `pictures/${createHash("sha256").update(hash).digest("hex").slice(0, 16)}.png`;

export interface PictureFileOptions {
  /** The longest side, pixels; larger pictures are scaled down. Default 448. */
  readonly largestSide?: number;
  /** How the model's processor makes patches; null, the default: as the picture says. */
  readonly layout?: PatchLayout | null;
}

/** Write a picture into the run's folder, unless its file is there; the file's name relative to the folder. */
export async function writePicture(
  folder: string,
  encoded: EncodedPicture,
  { largestSide = 448, layout = null }: PictureFileOptions = {},
): Promise<string> {
  const file = pictureFile(encoded);
  const path = join(folder, file);
  if (existsSync(path)) return file;
  mkdirSync(dirname(path), { recursive: true });
  await drawn(encoded, largestSide, layout).toFile(path);
  return file;
}

/** A picture as the model saw it, with its size in pixels. */
export async function encodePicture(
  encoded: EncodedPicture,
  { largestSide = 448, layout = null }: PictureFileOptions = {},
): Promise<{ readonly png: Uint8Array; readonly width: number; readonly height: number }> {
  const { data, info } = await drawn(encoded, largestSide, layout).toBuffer({ resolveWithObject: true });
  return { png: new Uint8Array(data), width: info.width, height: info.height };
}

function drawn(encoded: EncodedPicture, largestSide: number, layout: PatchLayout | null): Sharp {
  const { width, height, data } = pictureOfPatches(encoded, layout);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize({ width: largestSide, height: largestSide, fit: "inside", withoutEnlargement: true })
    .png();
}
