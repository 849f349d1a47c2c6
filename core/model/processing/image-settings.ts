/**
 * The picture settings of a model folder, in the old and the new form of transformers; and what those of the Qwen-VL
 * families mean.
 */
import { join } from "node:path";
import { z } from "zod";
import { faultsOf } from "../../options/options.ts";
import type { PictureSettings } from "../family.ts";
import { isObject, readJson } from "../files/json.ts";
import type { ImageSettings } from "./image-processor.ts";

/** Sides and counts of pixels: what goes far beyond what exists is damage. */
const count = z
  .int()
  .positive()
  .max(2 ** 31);
const three = z.tuple([z.number(), z.number(), z.number()]);
/** Pixels are divided by it. */
const deviation = z.number().positive("must be above 0, since pixels are divided by it");
const deviations = z.tuple([deviation, deviation, deviation]);
const on = z.literal(true).nullish();

/** What the settings of all families have in common. */
export const imageFields = {
  image_mean: three,
  image_std: deviations,
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_resize: on,
  do_rescale: on,
  do_normalize: on,
  do_convert_rgb: on,
};

/** What is not given has transformers' default for Qwen2-VL. */
const schema = z.looseObject({
  ...imageFields,
  min_pixels: count.nullish(),
  max_pixels: count.nullish(),
  size: z.looseObject({ shortest_edge: count.optional(), longest_edge: count.optional() }).nullish(),
  patch_size: count.default(14),
  merge_size: count.default(2),
  temporal_patch_size: count.default(2),
  image_mean: three.default([0.48145466, 0.4578275, 0.40821073]),
  image_std: deviations.default([0.26862954, 0.26130258, 0.27577711]),
  resample: z.literal(3, "only 3, bicubic, is supported").nullish(),
  image_processor_type: z
    .string()
    .regex(/^Qwen2(_5_)?VLImageProcessor(Fast|Pil)?$/, "expected Qwen2VLImageProcessor")
    .nullish(),
});

/**
 * Read `processor_config.json` (its "image_processor") or `preprocessor_config.json`; the former goes first, as in
 * transformers.
 * @throws Error naming the file when there is neither.
 */
export async function readPictureSettings(folder: string): Promise<PictureSettings> {
  const whole = join(folder, "processor_config.json");
  const processor = (await readJson(whole)) ?? {};
  const nested = processor["image_processor"];
  if (isObject(nested)) return { image: nested, processor, where: `"image_processor" in ${whole}` };
  if (nested !== undefined && nested !== null) throw new Error(`"image_processor" in ${whole} holds no JSON object`);
  const own = join(folder, "preprocessor_config.json");
  const image = await readJson(own);
  if (image !== null) return { image, processor, where: own };
  throw new Error(
    `${folder} says nothing of pictures: it needs preprocessor_config.json, or processor_config.json with "image_processor"`,
  );
}

/** From parsed JSON; `where` names it in messages. @throws Error when a setting is one that cannot be followed */
export function parseImageSettings(raw: unknown, where: string): ImageSettings {
  const result = schema.safeParse(raw);
  if (!result.success) {
    throw new Error(`${where}: ${faultsOf(result.error, raw)}`);
  }
  const fields = result.data;
  const minPixels = fields.min_pixels ?? fields.size?.shortest_edge ?? 56 * 56;
  const maxPixels = fields.max_pixels ?? fields.size?.longest_edge ?? 28 * 28 * 1280;
  if (minPixels > maxPixels)
    throw new Error(`${where}: at least ${minPixels} pixels and at most ${maxPixels} cannot both hold`);
  return {
    minPixels,
    maxPixels,
    patchSize: fields.patch_size,
    mergeSize: fields.merge_size,
    temporalPatchSize: fields.temporal_patch_size,
    mean: fields.image_mean,
    std: fields.image_std,
    rescaleFactor: fields.rescale_factor,
  };
}
