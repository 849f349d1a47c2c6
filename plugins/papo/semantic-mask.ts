import { createHash } from "node:crypto";
import { Dinov2Encoder, parseOptions, Remembered } from "@papo/core";
import type { EncodedPicture, Picture, Plugin, Random, Run, View } from "@papo/core";
import { z } from "zod";
import { fillCells, fillPatches, fills, tokenCells } from "./cells.ts";
import { formerMaskUnits } from "./former-mask-units.ts";
import { receivedAttention, topCells } from "./saliency.ts";

const schema = z.strictObject({
  /** Name of the view. */
  view: z.string().default("masked"),
  /**
   * What says where to look: a DINOv2 of its own, on the raw picture; or the policy's own vision tower, on its visual
   * tokens.
   */
  source: z.enum(["dinov2", "policy"]).default("dinov2"),
  /** The folder of the DINOv2 ("dinov2" only). */
  model: z.string().nullable().default(null),
  /** Layers whose attention is averaged, counted from 0 ("dinov2" only). */
  layers: z.array(z.int().nonnegative()).min(1).meta({ unit: "layer numbers" }).default([6, 7, 8, 9]),
  /** p: share of the cells that are masked, the most salient. */
  ratio: z.number().min(0).max(1).default(0.6),
  /** What a masked cell shows. */
  fill: z.enum(fills).default("black"),
  /** Standard deviation of "blur", in pixels. */
  sigma: z.number().min(0.3).meta({ unit: "pixels" }).default(10),
  /** Patches of a visual token ("policy" only); null: as the model has it. */
  mergeUnit: z.int().positive().meta({ unit: "patches" }).nullable().default(null),
  /** Black after normalisation, per channel ("policy" only); null: −mean / std of the model's image processor. */
  black: z.array(z.number()).length(3).nullable().default(null),
  /** White after normalisation, per channel ("policy" only); null: (1 − mean) / std of the model's image processor. */
  white: z.array(z.number()).length(3).nullable().default(null),
  /** Pictures whose masks are remembered. */
  remembered: z.int().positive().meta({ unit: "pictures" }).default(4096),
});

/**
 * The view "masked": the ⌊p·N⌋ most salient cells of a picture are masked. Saliency of a patch is the attention it
 * receives from all patches, CLS excluded, mean over heads and layers 6 to 9 of a DINOv2 (PAPO, arXiv:2507.06448, App.
 * G.2; its code is not published), or what the policy's own vision tower pays to a visual token under the weights at
 * the run's start, without a second model. The same picture has the same mask throughout; where PAPO compares them,
 * random masks win.
 */
export class SemanticMaskPlugin implements Plugin {
  readonly name = "SemanticMaskPlugin";
  readonly formerDefaults = formerMaskUnits;
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
    if (this.options.source === "dinov2" && this.options.model === null) {
      throw new Error(`${this.name}: the option "model" is missing: give the folder of a DINOv2, or source: "policy"`);
    }
  }

  apply({ views, random }: Run): void {
    views.register(this.options.source === "dinov2" ? this.#ofDinov2(random) : this.#ofPolicy(random));
  }

  #ofDinov2(random: Random): View {
    const { view: name, model, layers, ratio } = this.options;
    const masks = new Remembered<
      string,
      { readonly rows: number; readonly columns: number; readonly chosen: Uint8Array }
    >(this.options.remembered);
    let opened: Promise<Dinov2Encoder> | null = null;
    const maskOf = async (picture: Picture) => {
      opened ??= Dinov2Encoder.open(model!, { layers });
      const { rows, columns, attentions } = await (await opened).encode(picture);
      return { rows, columns, chosen: topCells(receivedAttention([...attentions.values()], rows * columns), ratio) };
    };
    return {
      name,
      raw: async (picture) => {
        const hash = createHash("sha256")
          .update(picture.data)
          .update(`${picture.width}x${picture.height}`)
          .digest("hex");
        const { rows, columns, chosen } = await masks.get(hash, () => maskOf(picture));
        return fillCells(picture, rows, columns, chosen, { ...this.options, random: random.key(hash) });
      },
    };
  }

  #ofPolicy(random: Random): View {
    const { view: name, ratio, mergeUnit } = this.options;
    const masks = new Remembered<string, Uint8Array>(this.options.remembered);
    return {
      name,
      attention: true,
      patches: async (picture: EncodedPicture, { attention }) => {
        if (attention === undefined)
          throw new Error("there is no policy here whose vision tower could say where to look");
        const chosen = await masks.get(picture.hash, async () => topCells(await attention(picture), ratio));
        return fillPatches(
          picture,
          tokenCells(picture, mergeUnit),
          chosen,
          { ...this.options, random: random.key(picture.hash) },
          this.options,
        );
      },
    };
  }
}
