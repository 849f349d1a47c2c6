/** From a picture to the vision tower's patches, equal to transformers' Qwen2VLImageProcessor. */
import { createHash } from "node:crypto";
import { type Normalisation, type PatchLayout, PatchWriter } from "./patches.ts";
import { resize } from "./resize.ts";
import type { EncodedPicture, Picture, PixelLimits } from "./picture.ts";
import type { PictureMarkup, PictureProcessor } from "./picture-processor.ts";

export interface ImageSettings extends Normalisation {
  /** Least and most pixels after resizing. */
  readonly minPixels: number;
  readonly maxPixels: number;
  /**
   * Side of a patch, pixels; patches merged per side into one visual token; frames per patch (a picture is repeated).
   */
  readonly patchSize: number;
  readonly mergeSize: number;
  readonly temporalPatchSize: number;
}

/** A picture whose sides differ by more than this factor is refused. */
const maxAspectRatio = 200;

/**
 * The size a picture is resized to: both sides multiples of `factor`, between `minPixels` and `maxPixels` in area, the
 * aspect kept as near as possible. Halves round to the even multiple.
 * @throws Error when the longer side exceeds 200 times the shorter.
 */
export function smartResize(
  height: number,
  width: number,
  factor: number,
  minPixels: number,
  maxPixels: number,
): { height: number; width: number } {
  const ratio = Math.max(height, width) / Math.min(height, width);
  if (!(ratio <= maxAspectRatio)) {
    const found = `a picture of ${width}×${height} has sides in a ratio of ${ratio.toFixed(0)}`;
    throw new Error(`${found}, and at most ${maxAspectRatio} can be encoded: crop or drop it`);
  }
  const rounded = { height: roundHalfEven(height / factor) * factor, width: roundHalfEven(width / factor) * factor };
  if (rounded.height * rounded.width > maxPixels) {
    const shrink = Math.sqrt((height * width) / maxPixels);
    const fit = (side: number) => Math.max(factor, Math.floor(side / shrink / factor) * factor);
    return { height: fit(height), width: fit(width) };
  }
  if (rounded.height * rounded.width < minPixels) {
    const grow = Math.sqrt(minPixels / (height * width));
    const fit = (side: number) => Math.ceil((side * grow) / factor) * factor;
    return { height: fit(height), width: fit(width) };
  }
  return rounded;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

export class ImageProcessor implements PictureProcessor {
  readonly settings: ImageSettings;
  readonly #patches: PatchWriter;
  readonly #layout: PatchLayout;

  constructor(settings: ImageSettings) {
    this.settings = settings;
    const { patchSize, temporalPatchSize, mergeSize, mean, std } = settings;
    this.#patches = new PatchWriter(settings, patchSize, temporalPatchSize);
    this.#layout = { patch: patchSize, temporal: temporalPatchSize, merge: mergeSize, order: "tokens", mean, std };
  }

  /**
   * The grid [time, height, width] in patches that a picture of this size gets.
   * @throws Error for a ratio of sides above 200.
   */
  gridOf(width: number, height: number, limits: PixelLimits = {}): [time: number, height: number, width: number] {
    const { patchSize, mergeSize } = this.settings;
    const minPixels = limits.minPixels ?? this.settings.minPixels;
    const maxPixels = limits.maxPixels ?? this.settings.maxPixels;
    if (minPixels > maxPixels)
      throw new Error(`at least ${minPixels} and at most ${maxPixels} pixels cannot both hold`);
    const size = smartResize(height, width, patchSize * mergeSize, minPixels, maxPixels);
    return [1, size.height / patchSize, size.width / patchSize];
  }

  tokens({ grid: [time, height, width] }: EncodedPicture): number {
    return (time * height * width) / this.settings.mergeSize ** 2;
  }

  /** The mark stays alone: the model's own tokens around it are the template's. */
  markup(picture: EncodedPicture, mark: string): PictureMarkup {
    return { text: mark, tokensPerMark: this.tokens(picture) };
  }

  /**
   * The picture as the model sees it: resized, 8-bit RGB.
   * @throws Error naming the picture for a ratio of sides above 200.
   */
  resize(picture: Picture): Picture {
    try {
      const [, rows, columns] = this.gridOf(picture.width, picture.height, picture.limits);
      return resize(picture, columns * this.settings.patchSize, rows * this.settings.patchSize);
    } catch (cause) {
      throw new Error(`${picture.source}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Resize, normalise and cut into patches. @throws Error naming the picture for a ratio of sides above 200. */
  encode(picture: Picture): EncodedPicture {
    const resized = this.resize(picture);
    const { patchSize } = this.settings;
    const grid = [1, resized.height / patchSize, resized.width / patchSize] as const;
    const pixels = this.#cutPatches(resized);
    return { hash: hashPixels(grid, pixels), grid, layout: this.#layout, pixels };
  }

  /**
   * Patches in the order of the visual tokens: row and column of the merge block, then row and column inside it.
   * A patch is [channel, frame, row, column]; the frames are equal.
   */
  #cutPatches({ width, height, data }: Picture): Float32Array {
    const { patchSize, mergeSize } = this.settings;
    const block = patchSize * mergeSize;
    const patchLength = this.#patches.length;
    const out = new Float32Array((width / patchSize) * (height / patchSize) * patchLength);
    let at = 0;
    for (let top = 0; top < height; top += block) {
      for (let left = 0; left < width; left += block) {
        for (let inner = 0; inner < mergeSize * mergeSize; inner++, at += patchLength) {
          const y = top + Math.floor(inner / mergeSize) * patchSize;
          const x = left + (inner % mergeSize) * patchSize;
          this.#patches.write(out, at, data, width, x, y);
        }
      }
    }
    return out;
  }
}

/**
 * Content hash of a picture's pixels and grid, 32 hexadecimal digits; a view that changes pixels gives the picture a
 * new one.
 */
export function hashPixels(grid: readonly [number, number, number], pixels: Float32Array): string {
  return createHash("sha256")
    .update(grid.join("x"))
    .update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength))
    .digest("hex")
    .slice(0, 32);
}
