/**
 * From a picture to tiles of one size and an overview, equal to transformers' SmolVLMImageProcessor and
 * Idefics3ImageProcessor.
 */
import { z } from "zod";
import type { PictureSettings } from "../family.ts";
import { check, count } from "../files/config-fields.ts";
import { hashPixels } from "./image-processor.ts";
import { imageFields } from "./image-settings.ts";
import { type Normalisation, type PatchLayout, PatchWriter } from "./patches.ts";
import type { EncodedPicture, Picture } from "./picture.ts";
import type { PictureMarkup, PictureProcessor } from "./picture-processor.ts";
import { type FilterName, resize } from "./resize.ts";

export interface TileSettings extends Normalisation {
  /** The longest edge that a picture is brought to, down or up, pixels. */
  readonly longestEdge: number;
  /** Side of a tile and of a patch, pixels. */
  readonly tileSize: number;
  readonly patchSize: number;
  /** Patches a side that become one visual token. */
  readonly scaleFactor: number;
  /** Cut into tiles, or squeeze into one. */
  readonly split: boolean;
  readonly filter: FilterName;
}

/** No side is longer than this, whatever the settings ask for. */
const mostPixels = 4096;

const edge = z.looseObject({ longest_edge: count });

/** What is not given has transformers' default for SmolVLM and Idefics3. */
const schema = z.looseObject({
  ...imageFields,
  size: edge.default({ longest_edge: 4 * 364 }),
  max_image_size: edge.default({ longest_edge: 364 }),
  image_mean: imageFields.image_mean.default([0.5, 0.5, 0.5]),
  image_std: imageFields.image_std.default([0.5, 0.5, 0.5]),
  do_image_splitting: z.boolean().default(true),
  resample: z.union([z.literal(1), z.literal(3)], "only 1, Lanczos, and 3, bicubic, are supported").nullish(),
  image_processor_type: z
    .string()
    .regex(/^(SmolVLM|Idefics3)ImageProcessor(Fast|Pil)?$/, "expected SmolVLMImageProcessor or Idefics3ImageProcessor")
    .nullish(),
});

/** The tiles of the model that the settings must be of. */
export type TileSizes = Pick<TileSettings, "patchSize" | "scaleFactor"> & { readonly imageSize: number };

/** @throws Error naming the file where a setting cannot be followed or contradicts the model */
export function parseTileSettings(
  { image, processor, where }: PictureSettings,
  { imageSize, patchSize, scaleFactor }: TileSizes,
): TileSettings {
  const fields = check(schema, image, `${where}: `);
  const tileSize = fields.max_image_size.longest_edge;
  if (tileSize !== imageSize)
    throw new Error(
      `${where}: max_image_size is ${tileSize} for the picture processor and image_size ${imageSize} for the model; make them equal`,
    );
  const tokens = Math.floor(imageSize / patchSize / scaleFactor) ** 2;
  const said = processor["image_seq_len"] ?? 169;
  if (said !== tokens)
    throw new Error(
      `${where}: image_seq_len is ${JSON.stringify(said)} for the processor, and a tile has ${tokens} visual tokens in the model; make them equal`,
    );
  return {
    longestEdge: fields.size.longest_edge,
    tileSize,
    patchSize,
    scaleFactor,
    split: fields.do_image_splitting,
    filter: fields.resample === 3 ? "bicubic" : "lanczos",
    mean: fields.image_mean,
    std: fields.image_std,
    rescaleFactor: fields.rescale_factor,
  };
}

export class TileProcessor implements PictureProcessor {
  readonly settings: TileSettings;
  readonly #patches: PatchWriter;
  readonly #layout: PatchLayout;

  constructor(settings: TileSettings) {
    this.settings = settings;
    const { patchSize, scaleFactor, mean, std } = settings;
    this.#patches = new PatchWriter(settings, patchSize);
    this.#layout = { patch: patchSize, temporal: 1, merge: scaleFactor, order: "rows", mean, std };
  }

  tokens({ grid: [tiles, height, width] }: EncodedPicture): number {
    return (tiles * height * width) / this.settings.scaleFactor ** 2;
  }

  markup({ tiles, grid: [, height, width] }: EncodedPicture, mark: string): PictureMarkup {
    const tokensPerMark = (height * width) / this.settings.scaleFactor ** 2;
    const overview = `${fake}${overviewTag}${mark}${fake}`;
    if (tiles === undefined) return { text: overview, tokensPerMark };
    const row = (index: number): string =>
      Array.from({ length: tiles.columns }, (_, column) => `${fake}<row_${index + 1}_col_${column + 1}>${mark}`).join(
        "",
      );
    return {
      text: `${Array.from({ length: tiles.rows }, (_, index) => `${row(index)}\n`).join("")}\n${overview}`,
      tokensPerMark,
    };
  }

  /** Tiles row by row, the overview last; patches row by row in each. Three resizes, each rounded to 8 bits. */
  encode(picture: Picture): EncodedPicture {
    const { tileSize, split, patchSize, filter } = this.settings;
    const side = Math.floor(tileSize / patchSize);
    const [height, width] = this.#fit(picture);
    const fitted = resize(picture, width, height, filter);
    const [rows, columns] = split ? tilesOf(height, width, tileSize) : [1, 1];
    const whole = resize(fitted, columns * tileSize, rows * tileSize, filter);
    const isSplit = rows > 1 || columns > 1;
    const count = rows * columns + (isSplit ? 1 : 0);
    const grid = [count, side, side] as const;
    const pixels = new Float32Array(count * side ** 2 * this.#patches.length);
    for (let tile = 0; tile < rows * columns; tile++)
      this.#cut(whole, (tile % columns) * tileSize, Math.floor(tile / columns) * tileSize, pixels, tile);
    if (isSplit) this.#cut(resize(whole, tileSize, tileSize, filter), 0, 0, pixels, count - 1);
    return {
      hash: hashPixels(grid, pixels),
      grid,
      layout: this.#layout,
      pixels,
      ...(isSplit ? { tiles: { rows, columns } } : {}),
    };
  }

  /** The size whose longer side is the longest edge, the other side even. */
  #fit({ width, height, limits, source }: Picture): [height: number, width: number] {
    const { tileSize } = this.settings;
    if (typeof limits?.minPixels === "number")
      throw new Error(
        `${source}: pictures in tiles all have one longest edge, ${this.settings.longestEdge} pixels; there is no least number of pixels to ask for`,
      );
    // Whole tiles, so that no tile is made of less than a tile's pixels: the square of the longest edge is the most
    // there can be.
    const longestEdge = Math.min(
      this.settings.longestEdge,
      Math.max(tileSize, Math.floor(Math.sqrt(limits?.maxPixels ?? Infinity) / tileSize) * tileSize),
    );
    const ratio = width / height;
    const even = (side: number): number => Math.max(1, side + (side % 2));
    const [fittedHeight, fittedWidth] =
      width >= height
        ? [even(Math.trunc(longestEdge / ratio)), longestEdge]
        : [longestEdge, even(Math.trunc(longestEdge * ratio))];
    if (Math.max(fittedHeight, fittedWidth) <= mostPixels) return [fittedHeight, fittedWidth];
    const fittedRatio = fittedWidth / fittedHeight;
    return fittedWidth >= fittedHeight
      ? [Math.max(1, Math.trunc(mostPixels / fittedRatio)), mostPixels]
      : [mostPixels, Math.max(1, Math.trunc(mostPixels * fittedRatio))];
  }

  /** Write the patches of one tile; what is left of a tile beyond whole patches is not seen. */
  #cut({ data, width }: Picture, left: number, top: number, out: Float32Array, tile: number): void {
    const { tileSize, patchSize } = this.settings;
    const side = Math.floor(tileSize / patchSize);
    for (let patch = 0; patch < side ** 2; patch++) {
      const at = (tile * side ** 2 + patch) * this.#patches.length;
      this.#patches.write(
        out,
        at,
        data,
        width,
        left + (patch % side) * patchSize,
        top + Math.floor(patch / side) * patchSize,
      );
    }
  }
}

/** Stands around pictures and before each tile. */
const fake = "<fake_token_around_image>";
const overviewTag = "<global-img>";

/** Tokens of pictures as the vocabulary spells them, but for the mark of a visual token. */
export const tileTokens: readonly string[] = [
  fake,
  overviewTag,
  ...Array.from({ length: 36 }, (_, i) => `<row_${Math.floor(i / 6) + 1}_col_${(i % 6) + 1}>`),
];

/**
 * How many tiles cover a picture: the longer side rounded up to whole tiles, the other from the ratio, then rounded up.
 */
function tilesOf(height: number, width: number, tile: number): [rows: number, columns: number] {
  const ratio = width / height;
  if (width >= height) {
    const columns = Math.ceil(width / tile);
    return [Math.max(1, Math.ceil(Math.trunc((columns * tile) / ratio) / tile)), columns];
  }
  const rows = Math.ceil(height / tile);
  return [rows, Math.max(1, Math.ceil(Math.trunc(rows * tile * ratio) / tile))];
}
