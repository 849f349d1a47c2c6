import { resolve } from "node:path";
import { loadPicture, parseOptions, shown } from "@papo/core";
import type { EncodedPicture, Picture, Plugin, Run, View, ViewContext } from "@papo/core";
import { z } from "zod";
import { fillPatches, fills, fillSquares, gridOf, pictureCells, type Brush } from "./cells.ts";
import { formerMaskUnits } from "./former-mask-units.ts";

/** Which cells of a grid are masked; null leaves the choice to chance. */
export type MaskOf = (cells: number, context: ViewContext) => ArrayLike<number | boolean> | null;

const schema = z.strictObject({
  /** Name of the view. */
  view: z.string().default("masked"),
  /** p: probability that a cell is masked. */
  ratio: z.number().min(0).max(1).meta({ unit: "probability" }).default(0.6),
  /**
   * "raw": squares on the picture before it is resized, as the release does; "patches": the vision tower's own patches
   * after resizing; "merge": its groups of patches that become one visual token. Of a picture in tiles the overview
   * shows masked what the tiles do.
   */
  on: z.enum(["raw", "patches", "merge"]).default("raw"),
  /**
   * What a masked cell shows; "blur" of patches is each patch's own mean colour. "drop", of merge units alone: nothing,
   * the visual token is left out of the prompt, which needs no second pass of the vision tower and a shorter one of the
   * decoder.
   */
  fill: z.enum([...fills, "drop"]).default("black"),
  /** Standard deviation of "blur", in pixels. */
  sigma: z.number().min(0.3).meta({ unit: "pixels" }).default(10),
  /** One mask per picture of a "prompt", shared by its responses, as the release does; or one per "response" (VPPO). */
  scope: z.enum(["prompt", "response"]).default("prompt"),
  /** Side of a square of "raw", in pixels. */
  patch: z.int().positive().meta({ unit: "pixels" }).default(14),
  /** Patches of a merge unit; null: as the model has it. */
  mergeUnit: z.int().positive().meta({ unit: "patches" }).nullable().default(null),
  /** Black after normalisation, per channel; null: −mean / std of the model's image processor. */
  black: z.array(z.number()).length(3).nullable().default(null),
  /** White after normalisation, per channel; null: (1 − mean) / std of the model's image processor. */
  white: z.array(z.number()).length(3).nullable().default(null),
  /**
   * A column with masked pictures, paths relative to the data's file: where a row has it, they are used as they are
   * (the release's image_aug); null never.
   */
  given: z.string().nullable().default("image_aug"),
  /**
   * Decides masks instead of chance: for tests and masks of one's own. Cells count row by row, patches in the
   * processor's order.
   */
  mask: z
    .custom<MaskOf>((value) => typeof value === "function", "a function")
    .nullable()
    .default(null),
});

/**
 * The view "masked": each cell of a grid over the picture is masked with probability p, independently
 * (PAPO, arXiv:2507.06448; release: papo_utils.py, random_patch_blackening). Squares at the right and lower border may
 * be cut. Unlike the release, masks follow from the run's seed.
 */
export class RandomMaskPlugin implements Plugin {
  readonly name = "RandomMaskPlugin";
  readonly formerDefaults = formerMaskUnits;
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
    if (this.options.fill === "drop" && this.options.on !== "merge")
      throw new Error(
        `${this.name}: fill "drop" leaves visual tokens out, which are merge units: it needs on: "merge", not "${this.options.on}"`,
      );
  }

  apply({ views }: Run): void {
    const { view: name, on, scope, fill } = this.options;
    const raw: View["raw"] = async (picture, context) =>
      (await this.#given(context)) ?? (on === "raw" ? this.#maskSquares(picture, context) : picture);
    const patches: View["patches"] = (picture, context) =>
      this.#hasGiven(context) ? picture : this.#maskPatches(picture, context);
    const dropped: View["dropped"] = (tokens, context) =>
      this.#hasGiven(context) ? new Uint8Array(tokens) : this.#choose(tokens, context);
    views.register({ name, scope, raw, ...(fill === "drop" ? { dropped } : on === "raw" ? {} : { patches }) });
  }

  #maskSquares(picture: Picture, context: ViewContext): Promise<Picture> {
    const { patch } = this.options;
    return fillSquares(picture, patch, this.#choose(gridOf(picture, patch).cells, context), this.#brush(context));
  }

  #maskPatches(picture: EncodedPicture, context: ViewContext): EncodedPicture {
    const { on, mergeUnit } = this.options;
    const cells = pictureCells(picture, on === "merge" ? "merge" : "patches", mergeUnit);
    return fillPatches(picture, cells, this.#choose(cells.count, context), this.#brush(context), this.options);
  }

  #brush({ random }: ViewContext): Brush {
    const { fill, ...rest } = this.options;
    if (fill === "drop") throw new Error(`${this.name}: dropped tokens have no paint`);
    return { ...rest, fill, random: random.key("fill") };
  }

  #choose(cells: number, context: ViewContext): ArrayLike<number | boolean> {
    const { ratio, mask } = this.options;
    const given = mask?.(cells, context) ?? null;
    if (given === null)
      return Uint8Array.from({ length: cells }, (_, cell) => (context.random.uniform(cell) < ratio ? 1 : 0));
    if (given.length !== cells)
      throw new Error(
        `${this.name}: the mask given for row "${context.row.id}", picture ${context.picture}, has ${given.length} cells, the picture has ${cells}`,
      );
    return given;
  }

  #hasGiven({ row }: ViewContext): boolean {
    const { given } = this.options;
    return given !== null && row.fields[given] !== undefined && row.fields[given] !== null;
  }

  /** The row's own masked picture, where it has one. */
  async #given(context: ViewContext): Promise<Picture | null> {
    const { row, picture } = context;
    if (!this.#hasGiven(context)) return null;
    const column = row.fields[this.options.given!];
    const paths: readonly unknown[] = Array.isArray(column) ? column : [column];
    const path = paths[picture];
    if (paths.length !== row.images.length || typeof path !== "string") {
      throw new Error(
        `column "${this.options.given}" must hold ${row.images.length} paths of pictures, one per picture of the row, found ${shown(column)}`,
      );
    }
    return loadPicture(resolve(row.folder ?? "", path));
  }
}
