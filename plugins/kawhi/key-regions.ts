import { parseOptions } from "@papo/core";
import type { EncodedPicture, Picture, Plugin, Random, Run, ShownPicture } from "@papo/core";
import { z } from "zod";
import { keyCells } from "./structure-regions.ts";

const schema = z.strictObject({
  /** Name of the view. */
  view: z.string().default("key-regions"),
  /**
   * δ_s: neighbouring visual tokens are one region where the eigenvalues of their structure tensors differ by less, of
   * the largest.
   */
  structure: z.number().positive().default(0.5),
  /** δ_l: and their lightness by less, of 100. */
  lightness: z.number().positive().default(30),
  /** β: a region is key above this times the median energy of all. */
  energy: z.number().nonnegative().default(0.1),
  /** σ of the smoothing before gradients are taken. */
  sigma: z.number().positive().meta({ unit: "pixels" }).default(1),
  /** r_skip: share of the other regions' tokens that do not count. */
  skip: z.number().min(0).max(1).default(0.7),
});

/** Pixels of a visual token along a side, where the picture does not say. */
const usualSide = 28;

/**
 * A view that is read as the original and regards the picture's key regions: outputs about the picture are about these
 * visual tokens alone. A region is what hangs together by the structure tensor of lightness gradients and by lightness;
 * those of more than β times the median energy are key, of the others r_skip do not count (KAWHI's SGUF,
 * arXiv:2603.27375, Sec. 3.2 with the values of App. A; its code is not published). Tiles of a picture are one picture,
 * the overview another.
 */
export class KeyRegionsPlugin implements Plugin {
  readonly name = "KeyRegionsPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ views }: Run): void {
    views.register({ name: this.options.view, regarded: (shown, { random }) => this.#regarded(shown, random) });
  }

  async #regarded({ picture, encoded, tokens }: ShownPicture, random: Random): Promise<Uint8Array> {
    const { rows, columns, side, count } = tokenGrid(encoded, tokens);
    const whole = (name: string, across: number, down: number): Promise<Uint8Array> =>
      this.#cells(picture, { rows: rows * down, columns: columns * across, side }, random.key(name));
    const { tiles } = encoded;
    if (count === 1) return whole("picture", 1, 1);
    if (tiles === undefined) throw new Error(`a picture of ${count} frames has no one grid of visual tokens`);
    const ofTiles = await whole("tiles", tiles.columns, tiles.rows);
    const flags = Array.from({ length: tiles.rows * tiles.columns * rows * columns }, (_, token) => {
      const [tile, within] = [Math.floor(token / (rows * columns)), token % (rows * columns)];
      const row = Math.floor(tile / tiles.columns) * rows + Math.floor(within / columns);
      return ofTiles[row * columns * tiles.columns + (tile % tiles.columns) * columns + (within % columns)]!;
    });
    return Uint8Array.from([...flags, ...(await whole("overview", 1, 1))]);
  }

  #cells(
    picture: Picture,
    grid: { readonly rows: number; readonly columns: number; readonly side: number },
    random: Random,
  ): Promise<Uint8Array> {
    return keyCells(picture, grid, this.options, random);
  }
}

/** How visual tokens lie in a picture, or in each of its tiles, and how many pixels one shows along a side. */
function tokenGrid(
  { grid: [count, height, width], layout }: EncodedPicture,
  tokens: number,
): { readonly count: number; readonly rows: number; readonly columns: number; readonly side: number } {
  const merge = Math.round(Math.sqrt((count * height * width) / tokens));
  return {
    count,
    rows: height / merge,
    columns: width / merge,
    side: layout === undefined ? usualSide : layout.patch * merge,
  };
}
