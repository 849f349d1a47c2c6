import { parseOptions } from "@papo/core";
import type { EncodedPicture, Picture, Plugin, Run, View, ViewContext } from "@papo/core";
import { z } from "zod";

/** Which cells of a grid are black; null leaves the choice to chance. */
export type MaskOf = (cells: number, context: ViewContext) => ArrayLike<number | boolean> | null;

const schema = z.strictObject({
  /** Name of the view. */
  view: z.string().default("masked"),
  /** p: probability that a cell is black. */
  ratio: z.number().min(0).max(1).default(0.6),
  /**
   * "raw": squares on the picture before it is resized, as the release does; "patches": the vision tower's own patches after
   * resizing; "merge": its groups of patches that become one visual token.
   */
  on: z.enum(["raw", "patches", "merge"]).default("raw"),
  /** Side of a square of "raw", in pixels. */
  patch: z.int().positive().default(14),
  /** Patches of a merge unit: 2 × 2 in Qwen2.5-VL. */
  mergeUnit: z.int().positive().default(4),
  /** Black after normalisation, per channel: −mean / std of the image processor. */
  black: z.array(z.number()).length(3).default([-0.48145466 / 0.26862954, -0.4578275 / 0.26130258, -0.40821073 / 0.27577711]),
  /** Decides masks instead of chance: for semantic masks and for tests. Cells count row by row, patches in the processor's order. */
  mask: z.custom<MaskOf>((value) => typeof value === "function", "a function").nullable().default(null),
});

/**
 * The view "masked": each cell of a grid over the picture is black with probability p, independently
 * (PAPO, arXiv:2507.06448; release: papo_utils.py, random_patch_blackening). One mask per picture, prompt and step, shared by all
 * responses; squares at the right and lower border may be cut. Unlike the release, masks follow from the run's seed.
 */
export class RandomMaskPlugin implements Plugin {
  readonly name = "RandomMaskPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ views }: Run): void {
    const { view: name, on } = this.options;
    const view: View = on === "raw" ? { name, raw: (picture, context) => this.#blacken(picture, context) } : { name, patches: (picture, context) => this.#blackenPatches(picture, context) };
    views.register(view);
  }

  #blacken(picture: Picture, context: ViewContext): Picture {
    const { patch } = this.options;
    const { width, height } = picture;
    const columns = Math.ceil(width / patch);
    const black = this.#choose(columns * Math.ceil(height / patch), context);
    const data = picture.data.slice();
    for (let y = 0; y < height; y++) {
      const row = Math.floor(y / patch) * columns;
      for (let column = 0; column < columns; column++) {
        if (black[row + column]) data.fill(0, (y * width + column * patch) * 3, (y * width + Math.min(width, (column + 1) * patch)) * 3);
      }
    }
    return { ...picture, data };
  }

  #blackenPatches(picture: EncodedPicture, context: ViewContext): EncodedPicture {
    const { on, mergeUnit, black: colour } = this.options;
    const [time, height, width] = picture.grid;
    const patches = time * height * width;
    const unit = on === "merge" ? mergeUnit : 1;
    const black = this.#choose(Math.ceil(patches / unit), context);
    const size = picture.pixels.length / patches; // channels · temporal · patch · patch
    const channel = size / colour.length;
    const pixels = picture.pixels.slice();
    for (let patch = 0; patch < patches; patch++) {
      if (!black[Math.floor(patch / unit)]) continue;
      colour.forEach((value, index) => pixels.fill(value, patch * size + index * channel, patch * size + (index + 1) * channel));
    }
    return { ...picture, pixels };
  }

  #choose(cells: number, context: ViewContext): ArrayLike<number | boolean> {
    const { ratio, mask } = this.options;
    const given = mask?.(cells, context) ?? null;
    if (given === null) return Uint8Array.from({ length: cells }, (_, cell) => (context.random.uniform(cell) < ratio ? 1 : 0));
    if (given.length !== cells) throw new Error(`${this.name}: the mask given for row "${context.row.id}", picture ${context.picture}, has ${given.length} cells, the picture has ${cells}`);
    return given;
  }
}
