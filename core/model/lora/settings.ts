/** What a run says of its adapter. Names are those of PEFT's LoraConfig. */
import { z } from "zod";

const names = z.union([z.string(), z.array(z.string()).min(1)], { error: "a text or a list of texts" });

export const loraSchema = z.strictObject({
  /** r: inner size of the product B·A that is added to a weight. Default 16, or the start's. */
  rank: z.int().positive().meta({ unit: "columns of a factor" }).optional(),
  /** The product is multiplied by alpha / rank. Default 32, or the start's. */
  alpha: z.number().positive().optional(),
  /** Divide alpha by √rank instead (rsLoRA, arXiv:2312.03732). Default false, or the start's. */
  useRslora: z.boolean().optional(),
  /**
   * Probability that a number that A reads is dropped in a pass back of the decoder; default 0, or the start's. Scores,
   * and with them the loss, are computed without it. The vision tower's adapters learn without it too, since a
   * picture's features are computed once for all passes.
   */
  dropout: z.number().min(0).lt(1).meta({ unit: "probability" }).optional(),
  /**
   * Linear layers that are adapted: endings of their names (["q_proj", "v_proj"]), a regular expression over the whole
   * name, or "all-linear". Default "all-linear", or the start's.
   */
  targetModules: names.optional(),
  /** The same of layers that are left out. */
  excludeModules: names.optional(),
  /** Numbers of the layers that are adapted, where the targets are endings. Default: all. */
  layersToTransform: z
    .union([z.int().nonnegative(), z.array(z.int().nonnegative()).min(1)], {
      error: "a number of a layer or a list of them",
    })
    .meta({ unit: "layer numbers" })
    .optional(),
  /** Whether targets in the vision tower count. */
  vision: z.boolean().default(false),
  /** An adapter's folder, as PEFT or a run wrote it, to go on from. */
  start: z.string().nullable().default(null),
  /** Folders of adapters that are part of the model and stay as they are. */
  fixed: z.array(z.string()).default([]),
  /**
   * What "reference" weights are: "base", the model with the trained adapter off; "start", with the adapter as the run
   * began; or the folder of an adapter of the same shapes.
   */
  reference: z.string().default("base"),
});

export type LoraSettings = z.output<typeof loraSchema>;
