/**
 * What the folders of the Qwen-VL families have in common: names of tensors, tokens of pictures, picture processing.
 */
import type { PictureSettings, TensorNames } from "../../family.ts";
import { ImageProcessor } from "../../processing/image-processor.ts";
import { parseImageSettings } from "../../processing/image-settings.ts";
import type { PatchSizes } from "../../layers/patch-order.ts";

/**
 * `model.language_model.…`, `model.visual.…`, `lm_head.weight`; the hub's files of Qwen2-VL and Qwen2.5-VL have
 * `model.layers.…` and `visual.…`.
 */
export const qwenTensorNames: TensorNames = {
  canonical(name) {
    if (name.startsWith("visual.")) return `model.${name}`;
    if (!name.startsWith("model.") || name.startsWith("model.language_model.") || name.startsWith("model.visual."))
      return name;
    return `model.language_model.${name.slice("model.".length)}`;
  },
  stored: (canonical) => canonical.replace(/^model\.language_model\./, "model.").replace(/^model\.visual\./, "visual."),
  embeddings: "model.language_model.embed_tokens.weight",
};

export const qwenReservedTokens = [
  "<|image_pad|>",
  "<|video_pad|>",
  "<|vision_start|>",
  "<|vision_end|>",
  "<|vision_pad|>",
];

/** @throws Error where the settings contradict the model */
export function qwenPictures({ image, where }: PictureSettings, vision: PatchSizes): ImageProcessor {
  const settings = parseImageSettings(image, where);
  for (const name of ["patchSize", "mergeSize", "temporalPatchSize"] as const) {
    if (settings[name] === vision[name]) continue;
    throw new Error(
      `${where}: ${name} is ${settings[name]} for the picture processor and ${vision[name]} for the model; make them equal`,
    );
  }
  return new ImageProcessor(settings);
}
